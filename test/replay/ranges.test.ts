import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adding, fromText, holds, toText, type Range } from '../../src/replay/ranges.js';

describe('the ranges of dead letters that were replayed', () => {
  it('hold what was added and nothing else, however many runs choose letters, and are as few as can be', () => {
    const letters = fc.uniqueArray(fc.bigInt(0n, 60n), { minLength: 1, maxLength: 30 });
    const runs = fc.array(fc.func(fc.boolean()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(letters, runs, (offsets, choices) => {
        const ascending = offsets.toSorted((a, b) => (a < b ? -1 : 1));
        const done = new Set<bigint>();
        let ranges: readonly Range[] = [];
        for (const chooses of choices) {
          ascending.forEach((offset, index) => {
            if (chooses(offset)) done.add(offset);
            if (done.has(offset)) ranges = adding(ranges, offset, ascending[index - 1]);
          });
        }

        expect(ascending.filter((offset) => holds(ranges, offset))).toEqual(
          ascending.filter((offset) => done.has(offset)),
        );
        const starts = ascending.filter(
          (offset, index) => done.has(offset) && !done.has(ascending[index - 1] ?? -1n),
        );
        expect(ranges.map(({ from }) => from)).toEqual(starts);
        expect(fromText(toText(ranges))).toEqual(ranges);
      }),
    );
  });
});
