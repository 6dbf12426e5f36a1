import { expect, it } from 'vitest';
import { poissonArrivals } from '../../../src/commands/bench/arrivals.js';

const gapsOf = (arrivals: readonly number[]) => arrivals.map((at, index) => at - (arrivals[index - 1] ?? 0));

it('arrivals come at their mean rate, in order', () => {
  const gaps = gapsOf(poissonArrivals(50, 20_000, 1));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  expect(mean).toBeGreaterThan(19.5);
  expect(mean).toBeLessThan(20.5);
});

it('arrivals have gaps as an exponential distribution has them', () => {
  const gaps = gapsOf(poissonArrivals(1_000, 20_000, 2));
  // The share of gaps longer than t means is e to the minus t.
  for (const times of [0.5, 1, 2, 3]) {
    const share = gaps.filter((gap) => gap > times).length / gaps.length;
    expect(Math.abs(share - Math.exp(-times))).toBeLessThan(0.015);
  }
});

it('arrivals are the same for the same seed, and others for another', () => {
  expect(poissonArrivals(10, 5, 3)).toEqual(poissonArrivals(10, 5, 3));
  expect(poissonArrivals(10, 5, 3)).not.toEqual(poissonArrivals(10, 5, 4));
});
