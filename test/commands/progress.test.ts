import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressLine } from '../../src/commands/progress.js';

describe('the line that shows the progress', () => {
  it.each([
    [{ steps: 1, total: 1_000, ms: 0 }, 'posts ░░░░░░░░░░░░░░░░░░░░ 0%  1 of 1000'],
    [
      { steps: 501, total: 1_000, ms: 10_000 },
      'posts ██████████░░░░░░░░░░ 50%  501 of 1000, 50 a second, 10 s left',
    ],
    [
      { steps: 11, total: 1_000, ms: 10_000 },
      'posts ░░░░░░░░░░░░░░░░░░░░ 1%  11 of 1000, 1.0 a second, 16 min 29 s left',
    ],
    [
      { steps: 2, total: 10_000, ms: 1_000 },
      'posts ░░░░░░░░░░░░░░░░░░░░ 0%  2 of 10000, 1.0 a second, 2 h 46 min left',
    ],
    [
      { steps: 1_000, total: 1_000, ms: 9_990 },
      'posts ████████████████████ 100%  1000 of 1000, 100 a second',
    ],
    [{ steps: 0, total: 0, ms: 0 }, 'posts ████████████████████ 100%  0 of 0'],
    [{ steps: 21, total: undefined, ms: 1_000 }, 'posts: 21, 20 a second'],
  ])('of %j is "%s"', (stand, line) => {
    expect(progressLine('posts', stand)).toBe(line);
  });

  it('never names a time that is none, and never fills more than the bar', () => {
    const stands = fc.record({
      steps: fc.nat(1e9),
      total: fc.nat(1e9),
      ms: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(stands, (stand) => {
        const line = progressLine('posts', stand);
        expect(line).toMatch(/^posts [█░]{20} \d{1,3}% /);
        expect(line).not.toMatch(/NaN|Infinity|undefined|-\d/);
      }),
    );
  });
});
