import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSmallLabelStore, contextOf, labels } from './small-label-store.js';

const labelStore = createSmallLabelStore();
const neighbours = fc
  .array(
    fc.record({
      similarity: fc.float({ min: -1, max: 1, noNaN: true }),
      labels: fc.uniqueArray(fc.nat(labels.length - 1), { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((all) => all.toSorted((a, b) => b.similarity - a.similarity));

describe('the context for a post', () => {
  it('gives each neighbour a vote that grows with its similarity, all of them together one', () => {
    fc.assert(
      fc.property(neighbours, (all) => {
        const { votes } = contextOf(labelStore, { post: {}, neighbours: all });
        const weights = all.map(({ similarity }) => Math.exp(12 * similarity));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const label of labels.keys()) {
          const having = all.flatMap((one, rank) => (one.labels.includes(label) ? [rank] : []));
          const vote = votes.get(label);
          expect(vote?.count ?? 0).toBe(having.length);
          expect(vote?.rank).toBe(having[0]);
          expect(vote?.similarity).toBe(all[having[0] ?? -1]?.similarity);
          const share = having.reduce((sum, rank) => sum + weights[rank]!, 0) / total;
          expect(vote?.share ?? 0).toBeCloseTo(share, 9);
        }
      }),
    );
  });

  it('ranks the labels with the most votes, of equal ones the smaller label first', () => {
    const { votedRanks } = contextOf(labelStore, {
      post: {},
      neighbours: [
        { similarity: 0.5, labels: [4] },
        { similarity: 0.5, labels: [2, 1] },
      ],
    });
    expect([...votedRanks]).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('ranks the labels that went with the terms of the post', () => {
    const { sharedRanks, summedShares } = contextOf(labelStore, { post: { text: 'a cat' } });
    expect([...sharedRanks.keys()]).toEqual([0, 1]);
    // "a" and "cat" stood in two posts each and "a cat" in one; both posts had label 0, one of them label 1.
    expect(summedShares.get(0)).toBeCloseTo(2 / 5 + 2 / 5 + 1 / 4, 12);
    expect(summedShares.get(1)).toBeCloseTo(1 / 5 + 1 / 5, 12);
  });

  it('keeps of a phrase that was generated twice the better one', () => {
    const { generated } = contextOf(labelStore, {
      post: {},
      generated: [
        { phrase: 'dog', logProbability: -1 },
        { phrase: 'cat', logProbability: -2 },
        { phrase: 'dog', logProbability: -3 },
      ],
    });
    expect([...generated]).toEqual([
      ['dog', { logProbability: -1, rank: 0 }],
      ['cat', { logProbability: -2, rank: 1 }],
    ]);
  });

  it('measures how undecided the classifier is', () => {
    expect(contextOf(labelStore, { post: {} }).entropy).toBeCloseTo(Math.log(labels.length), 5);
    const certain = Float32Array.from(labels, (_, label) => (label === 0 ? 0 : -50));
    expect(contextOf(labelStore, { post: {}, logProbabilities: certain }).entropy).toBeCloseTo(0, 5);
  });
});
