import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inLengthBuckets } from '../../src/model/length-buckets.js';

describe('a batch run in groups of similar length', () => {
  it('gives every item its own answer, in groups no larger than asked for, the short ones first', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.integer({ min: 1, max: 5 }), async (items, size) => {
        const groups: (readonly string[])[] = [];
        const answers = await inLengthBuckets(
          items,
          ({ length }) => length,
          size,
          (group) => {
            groups.push(group);
            return Promise.resolve(group.map((item) => `${item}!`));
          },
        );
        expect(answers).toEqual(items.map((item) => `${item}!`));
        expect(groups.map(({ length }) => length)).toEqual(
          Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
            Math.min(size, items.length - at * size),
          ),
        );
        const lengths = groups.flat().map(({ length }) => length);
        expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
      }),
    );
  });
});
