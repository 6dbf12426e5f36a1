import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noisyOr, logistic } from '../../src/model/probability.js';

it('the logistic function is a half at 0, rises, and is as far from 1 above as from 0 below', () => {
  expect(logistic(0)).toBe(0.5);
  expect(logistic(Math.log(3))).toBeCloseTo(0.75, 12);
  fc.assert(
    fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (score) => {
      expect(logistic(score) + logistic(-score)).toBeCloseTo(1, 12);
      expect(logistic(score + 1)).toBeGreaterThan(logistic(score));
    }),
  );
});

it('one or the other of two things is at least as likely as each, and certain where one is', () => {
  expect(noisyOr(0.5, 0.5)).toBe(0.75);
  expect(noisyOr(1, 0.2)).toBe(1);
  const probability = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(probability, probability, (one, other) => {
      expect(noisyOr(one, other)).toBeGreaterThanOrEqual(Math.max(one, other) - 1e-12);
      expect(noisyOr(one, other)).toBeCloseTo(noisyOr(other, one), 12);
      expect(noisyOr(one, other)).toBeLessThanOrEqual(1);
    }),
  );
});
