import { describe, expect, it } from 'vitest';
import { f1At1Interval } from '../../src/evaluation/confidence-interval.js';
import { evaluate } from '../../src/evaluation/measures.js';

/** Of `posts` posts, every fourth is right. */
const quarterRight = (posts: number) =>
  Array.from({ length: posts }, (_, index) => ({
    gold: ['a'],
    predicted: [index % 4 === 0 ? 'a' : 'b'],
    text: '',
  }));

describe('f1At1Interval', () => {
  it('lies around the figure, as wide as the binomial distribution says', () => {
    const cases = quarterRight(400);
    const { low, high } = f1At1Interval(cases, { seed: 1 });
    expect(low).toBeLessThan(evaluate(cases).all.f1At1);
    expect(high).toBeGreaterThan(evaluate(cases).all.f1At1);
    const expectedWidth = 2 * 1.96 * 100 * Math.sqrt((0.25 * 0.75) / 400);
    expect(high - low).toBeGreaterThan(0.9 * expectedWidth);
    expect(high - low).toBeLessThan(1.1 * expectedWidth);
  });

  it('is the same for the same seed and another for another', () => {
    const interval = (seed: number) => f1At1Interval(quarterRight(997), { seed, resamples: 50 });
    expect(interval(7)).toEqual(interval(7));
    expect(interval(7)).not.toEqual(interval(8));
  });

  it('narrows with the number of posts', () => {
    const width = (posts: number) => {
      const { low, high } = f1At1Interval(quarterRight(posts), { seed: 1, resamples: 200 });
      return high - low;
    };
    expect(width(1600)).toBeLessThan(width(100));
  });

  it('has no width where every post is right, or where there are none', () => {
    const right = [{ gold: ['a'], predicted: ['a'] }];
    expect(f1At1Interval(right, { seed: 1 })).toEqual({ low: 100, high: 100 });
    expect(f1At1Interval([], { seed: 1 })).toEqual({ low: 0, high: 0 });
  });
});
