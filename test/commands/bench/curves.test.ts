import { expect, it } from 'vitest';
import { workerCounts } from '../../../src/commands/bench/curves.js';

it.each([
  [1, [1]],
  [2, [1, 2]],
  [8, [1, 2, 3, 4, 5, 6, 7, 8]],
  [12, [1, 2, 3, 4, 5, 6, 7, 8, 12]],
  [48, [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 48]],
])('on %d processors these numbers of workers are measured: %j', (processors, counts) => {
  expect(workerCounts(processors)).toEqual(counts);
});
