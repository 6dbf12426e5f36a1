import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/onnx/session.js';
import { float32, int64 } from '../../src/onnx/tensors.js';

/** Scores each row of `memory` by its product with the query and gives the `k` highest with their rows. */
const model = fileURLToPath(new URL('../../models/bundle/search.onnx', import.meta.url));
const width = 384;
/** Rows of the model's width that begin with these numbers. */
const rows = (...starts: readonly (readonly number[])[]) =>
  Float32Array.from(starts.flatMap((start) => [...start, ...Array<number>(width - start.length).fill(0)]));

describe('a session', () => {
  let session: Session;
  beforeAll(async () => (session = await openSession(model, { provider: 'cpu', threads: 1 })));
  afterAll(() => session.close());

  const inputs = {
    query: float32(rows([2, 1]), [1, width]),
    memory: float32(rows([0, 1], [1, 0], [1, 1]), [3, width]),
    k: int64([2]),
  };

  it('gives several outputs of different types', async () => {
    const { similarities, entries } = await session.run(inputs, {
      similarities: 'float32',
      entries: 'int64',
    });
    expect(similarities).toEqual(Float32Array.from([3, 2]));
    expect(entries).toEqual(BigInt64Array.from([2n, 1n]));
  });

  it('gives only the outputs that are asked for', async () => {
    expect(Object.keys(await session.run(inputs, { entries: 'int64' }))).toEqual(['entries']);
  });

  it('reads a part of a larger array in its place', async () => {
    const larger = rows([9], [0, 1], [1, 0], [1, 1], [9]);
    const memory = float32(larger.subarray(width, 4 * width), [3, width]);
    const { similarities } = await session.run({ ...inputs, memory }, { similarities: 'float32' });
    expect(similarities).toEqual(Float32Array.from([3, 2]));
  });

  it('refuses an output of another type than its caller expects', async () => {
    await expect(session.run(inputs, { entries: 'float32' })).rejects.toThrow(
      "the model's output entries is int64 instead of float32",
    );
  });

  it('refuses inputs of a wrong shape', async () => {
    const query = float32(new Float32Array(width - 1), [1, width - 1]);
    await expect(session.run({ ...inputs, query }, { entries: 'int64' })).rejects.toThrow();
  });
});
