import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrationOf } from '../../src/evaluation/calibration.js';

const post = (firstScore: number, right: boolean) => ({
  gold: ['running'],
  predicted: [right ? 'Run' : 'walk'],
  firstScore,
  text: '',
});

describe('calibrationOf', () => {
  it('averages over the bins how far the mean score is from the share that is right', () => {
    // One bin holds 0.62 and 0.68, of which half are right; the other 0.9 and 1, all right.
    const calibration = calibrationOf([post(0.62, true), post(0.68, false), post(0.9, true), post(1, true)]);
    expect(calibration?.posts).toBe(4);
    expect(calibration?.meanScore).toBeCloseTo(0.8, 12);
    expect(calibration?.right).toBe(0.75);
    expect(calibration?.error).toBeCloseTo((2 * 0.15 + 2 * 0.05) / 4, 12);
  });

  it('leaves out posts without phrases or without scores, and is nothing where none is left', () => {
    const silent = { gold: ['a'], predicted: [], text: '' };
    const scoreless = { gold: ['a'], predicted: ['a'], text: '' };
    expect(calibrationOf([silent, scoreless, post(1, true)])?.posts).toBe(1);
    expect(calibrationOf([silent, scoreless])).toBeUndefined();
  });

  it('lies between the gap of the means and 1', () => {
    const cases = fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
      minLength: 1,
    });
    fc.assert(
      fc.property(cases, (given) => {
        const calibration = calibrationOf(given.map(([score, right]) => post(score, right)));
        const { meanScore = 0, right = 0, error = 0 } = calibration ?? {};
        expect(error).toBeGreaterThanOrEqual(Math.abs(meanScore - right) - 1e-9);
        expect(error).toBeLessThanOrEqual(1);
      }),
    );
  });
});
