import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCoOccurrence, type CoOccurrenceCounts } from '../../../src/model/keyphrase/co-occurrence.js';
import type { ModelInput } from '../../../src/model/input.js';
import { fields, termsOf } from '../../../src/model/keyphrase/terms.js';

const none: CoOccurrenceCounts = {
  posts: 0,
  labels: {},
  together: {},
  fields: { text: {}, pairs: {}, entities: {}, attributes: {}, ocr: {} },
};
const words = fc.array(fc.constantFrom('cat', 'dog', 'sofa', 'toString'), { maxLength: 4 });
const post = fc.record({
  input: fc.record({
    text: words.map((some) => some.join(' ')),
    entities: words,
    attributes: words,
    imageText: words.map((some) => some.join(' ')),
  }),
  labels: fc.uniqueArray(fc.nat(4), { maxLength: 3 }),
});
type LabelledPost = Readonly<{ input: ModelInput; labels: readonly number[] }>;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const shrink = 3;
function associationsOf(posts: readonly LabelledPost[]) {
  const associations = createCoOccurrence(none, shrink);
  for (const { input, labels } of posts) associations.add(input, labels);
  return associations;
}

describe('co-occurrence', () => {
  it('give a label its share of the posts with a term: the largest, the sum and the lift over a field’s terms', () => {
    fc.assert(
      fc.property(fc.array(post, { maxLength: 12 }), post, (posts, { input: asked }) => {
        const associations = associationsOf(posts);
        const labelled = posts.filter(({ labels }) => labels.length > 0);
        for (const field of fields) {
          const shares = associations.sharesOf(field, termsOf(asked)[field]);
          for (const label of [0, 1, 2, 3, 4]) {
            const each = termsOf(asked)[field].map((term) => {
              const having = labelled.filter(({ input }) => termsOf(input)[field].includes(term));
              return having.filter(({ labels }) => labels.includes(label)).length / (having.length + shrink);
            });
            expect(shares.get(label)?.largest ?? 0).toBeCloseTo(Math.max(0, ...each), 12);
            expect(shares.get(label)?.total ?? 0).toBeCloseTo(sum(each), 12);
            const usual = labelled.filter(({ labels }) => labels.includes(label)).length / labelled.length;
            const lifts = each.map((share) => (share === 0 ? 0 : Math.log(1 + share / usual)));
            expect(shares.get(label)?.lift ?? 0).toBeCloseTo(sum(lifts), 12);
          }
        }
      }),
    );
  });

  it('know how many posts had a label, and the share of another label among them', () => {
    fc.assert(
      fc.property(fc.array(post, { maxLength: 12 }), fc.nat(4), fc.nat(4), (posts, label, other) => {
        fc.pre(label !== other);
        const associations = associationsOf(posts);
        const having = posts.filter(({ labels }) => labels.includes(label));
        expect(associations.postsWith(label)).toBe(having.length);
        expect(associations.shareBeside(label, other)).toBe(
          having.filter(({ labels }) => labels.includes(other)).length / (having.length + shrink),
        );
      }),
    );
  });

  it('start from the counts of a file and go on from there', () => {
    const associations = createCoOccurrence(
      {
        posts: 4,
        labels: { 7: 2, 9: 1 },
        together: { 7: { 9: 1 }, 9: { 7: 1 } },
        fields: { text: { cat: [4, 7, 2, 9, 1] } },
      },
      1,
    );
    expect(associations.sharesOf('text', ['cat'])).toEqual(
      new Map([
        [7, { largest: 0.4, total: 0.4, lift: Math.log(1 + (0.4 * 4) / 2) }],
        [9, { largest: 0.2, total: 0.2, lift: Math.log(1 + (0.2 * 4) / 1) }],
      ]),
    );
    expect(associations.shareBeside(9, 7)).toBe(0.5);
    associations.add({ text: 'the cat', entities: ['cat'], attributes: [], imageText: '' }, [9]);
    expect(associations.sharesOf('text', ['cat', 'the']).get(9)).toEqual({
      largest: 0.5,
      total: 2 / 6 + 1 / 2,
      lift: Math.log(1 + ((2 / 6) * 5) / 2) + Math.log(1 + ((1 / 2) * 5) / 2),
    });
    // A field the file has no counts for is not counted.
    expect(associations.sharesOf('entities', ['cat'])).toEqual(new Map());
  });

  it('know nothing of terms that only the language knows', () => {
    const associations = associationsOf([]);
    expect(associations.sharesOf('text', ['constructor', '__proto__', 'toString'])).toEqual(new Map());
  });
});
