import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKnnIndex, type Neighbour } from '../../../src/model/keyphrase/knn-index.js';
import { openSession, type Session } from '../../../src/onnx/session.js';
import { createVectorSearch } from '../../../src/onnx/vector-search.js';

const searchModel = fileURLToPath(new URL('../../../models/bundle/search.onnx', import.meta.url));

const width = 384;
const widened = (components: readonly number[]) => [
  ...components,
  ...Array<number>(width - components.length).fill(0),
];
interface Entry {
  readonly vector: readonly number[];
  readonly labels: readonly number[];
}
/** Components that float32 multiplies and adds exactly, so that equal similarities are equal to the last bit. */
const vector = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 3, maxLength: 3 }).map(widened);
const entries = fc.array(fc.record({ vector, labels: fc.array(fc.nat(9), { maxLength: 3 }) }), {
  maxLength: 40,
});
const queries = fc.array(vector, { minLength: 1, maxLength: 5 });

/** Every entry compared with the query by hand. */
function nearest(all: readonly Entry[], query: readonly number[], count: number): readonly Neighbour[] {
  return all
    .map(({ vector: other, labels }) => ({
      similarity: other.reduce((sum, value, at) => sum + value * query[at]!, 0),
      labels,
    }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count);
}

describe('the neighbour index', () => {
  let model: Session;
  beforeAll(async () => (model = await openSession(searchModel, { provider: 'cpu', threads: 1 })));
  afterAll(() => model.close());

  const indexOf = (all: readonly Entry[]) =>
    createKnnIndex(createVectorSearch(model), {
      width,
      vectors: Float32Array.from(all.flatMap(({ vector: own }) => own)),
      labels: all.map(({ labels }) => labels),
    });

  it('finds what comparing every entry finds, of equally similar ones the older first', async () => {
    await fc.assert(
      fc.asyncProperty(entries, queries, fc.integer({ min: 1, max: 50 }), async (all, asked, count) => {
        const found = await indexOf(all).search(Float32Array.from(asked.flat()), count);
        expect(found).toEqual(asked.map((query) => nearest(all, query, count)));
      }),
    );
  });

  it('is the same whether it starts with its entries or is given them one by one', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(40), queries, async (all, given, asked) => {
        const grown = indexOf(all.slice(0, given));
        for (const { vector: own, labels } of all.slice(given)) grown.add(Float32Array.from(own), labels);
        expect(grown.size).toBe(all.length);
        const query = Float32Array.from(asked.flat());
        expect(await grown.search(query, 7)).toEqual(await indexOf(all).search(query, 7));
      }),
    );
  });

  it('finds an entry from the moment it is added', async () => {
    const index = indexOf([]);
    const query = Float32Array.from(widened([1]));
    expect(await index.search(query, 3)).toEqual([[]]);
    index.add(Float32Array.from(widened([0.5])), [7]);
    expect(await index.search(query, 3)).toEqual([[{ similarity: 0.5, labels: [7] }]]);
  });

  it('does not change the vectors it was started with', () => {
    const vectors = Float32Array.from(widened([1]));
    const index = createKnnIndex(createVectorSearch(model), { width, vectors, labels: [[1]] });
    index.add(Float32Array.from(widened([0, 1])), [2]);
    expect(vectors).toEqual(Float32Array.from(widened([1])));
  });

  it('refuses a vector of another width', () => {
    expect(() => indexOf([]).add(new Float32Array(2), [1])).toThrow(
      'a vector of 2 numbers among vectors of 384',
    );
  });
});
