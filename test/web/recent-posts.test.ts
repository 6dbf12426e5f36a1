import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecentPosts } from '../../src/web/recent-posts.js';
import { photo, tagged } from './finished-posts.js';

describe('recent posts', () => {
  it('keeps the latest and forgets the rest, newest first, whatever the capacity', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(60), (capacity, count) => {
        const recent = createRecentPosts(capacity, () => 0);
        for (let i = 1; i <= count; i += 1) recent.add({ outcome: tagged(`p${i}`), timestamp: 0 });
        const newest = Array.from({ length: Math.min(capacity, count) }, (_, i) => count - i);
        expect(recent.newestFirst().map(({ key }) => key)).toEqual(newest);
        expect(recent.stats().tagged).toBe(count);
        expect(recent.latestKey()).toBe(count);
        for (let after = 0; after <= count + 1; after += 1) {
          const expected = newest.filter((key) => key > after).reverse();
          expect(recent.heldAfter(after).map(({ key }) => key)).toEqual(expected);
        }
      }),
    );
  });

  it('keeps a photo as long as its post', () => {
    const recent = createRecentPosts(2, () => 0);
    recent.add({ outcome: tagged('a', { photo }), timestamp: 0 });
    recent.add({ outcome: tagged('b'), timestamp: 0 });
    expect(recent.photo(1)).toBe(photo);
    expect(recent.photo(2)).toBeUndefined();
    const read = createRecentPosts(1, () => 0);
    read.add({ outcome: tagged('a', { photo: { ...photo, page: photo } }), timestamp: 0 });
    expect(read.photo(1)).toEqual(photo);
    recent.add({ outcome: tagged('c'), timestamp: 0 });
    expect(recent.photo(1)).toBeUndefined();
  });
});
