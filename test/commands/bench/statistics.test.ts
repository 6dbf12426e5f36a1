import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inTurn, pointsInTurn, quantile, ratioOf, spreadOf } from '../../../src/commands/bench/statistics.js';

const figures = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1 });

describe('a figure that was measured several times', () => {
  it.each([
    [[3, 1, 2], { median: 2, min: 1, max: 3 }],
    [[4, 1, 2, 3], { median: 2.5, min: 1, max: 4 }],
    [[7], { median: 7, min: 7, max: 7 }],
    [[1.23456], { median: 1.23, min: 1.23, max: 1.23 }],
  ])('of %j is told as %j', (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  it('has its median between its least and its greatest', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const { median, min, max } = spreadOf(values);
        expect(min).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });

  it.each([
    [0, 10],
    [0.5, 30],
    [0.99, 49.6],
    [1, 50],
  ])('has at %d of its values %d', (share, value) => {
    expect(quantile([50, 10, 30, 20, 40], share)).toBeCloseTo(value);
  });
});

describe('a ratio', () => {
  it('is the median of the rounds’ own ratios, not the ratio of the medians', () => {
    // The machine was twice as slow in the second round, for both.
    expect(ratioOf([10, 5, 30], [5, 2.5, 10])).toEqual({ median: 2, min: 2, max: 3 });
  });
});

describe('measurements in turn', () => {
  it('go A B A B', async () => {
    const order: string[] = [];
    const measure = (name: string) => () => Promise.resolve(order.push(name));
    const measured = await inTurn(3, { a: measure('a'), b: measure('b') });
    expect(order.join('')).toBe('ababab');
    expect(measured).toEqual({ a: [1, 3, 5], b: [2, 4, 6] });
  });

  it('of a curve’s points go through all of them in each round', async () => {
    const order: number[] = [];
    const points = await pointsInTurn(2, [10, 20, 5], (point) => {
      order.push(point);
      return Promise.resolve(-point);
    });
    expect(order).toEqual([10, 20, 5, 10, 20, 5]);
    expect(points[1]).toEqual({ point: 20, measured: [-20, -20] });
  });
});
