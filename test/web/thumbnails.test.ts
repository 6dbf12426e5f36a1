import { describe, expect, it } from 'vitest';
import { createRecentPosts } from '../../src/web/recent-posts.js';
import { createThumbnails } from '../../src/web/thumbnails.js';
import { photo, tagged } from './finished-posts.js';

function setUp(capacity: number, posts: number) {
  const recent = createRecentPosts(capacity, () => 0);
  for (let i = 0; i < posts; i += 1) recent.add({ outcome: tagged('a', { photo }), timestamp: 0 });
  let encodings = 0;
  const thumbnails = createThumbnails(recent, async () => Buffer.from(String((encodings += 1))));
  return { recent, thumbnails, encodings: () => encodings };
}

describe('thumbnails', () => {
  it('are encoded once, and only when asked for', async () => {
    const { thumbnails, encodings } = setUp(3, 3);
    expect(encodings()).toBe(0);
    await Promise.all([thumbnails.get(2), thumbnails.get(2)]);
    expect((await thumbnails.get(2))?.toString()).toBe('1');
  });

  it('are there only for posts that are remembered', async () => {
    const { recent, thumbnails } = setUp(1, 1);
    expect(await thumbnails.get(1)).toBeDefined();
    recent.add({ outcome: tagged('b'), timestamp: 0 });
    expect(thumbnails.get(1)).toBeUndefined();
    expect(thumbnails.get(2)).toBeUndefined();
    expect(thumbnails.get(Number.NaN)).toBeUndefined();
  });

  it('are forgotten, oldest post first, when there are many', async () => {
    const { thumbnails, encodings } = setUp(100, 100);
    for (let key = 1; key <= 65; key += 1) await thumbnails.get(key);
    await thumbnails.get(65);
    await thumbnails.get(2);
    expect(encodings()).toBe(65);
    await thumbnails.get(1);
    expect(encodings()).toBe(66);
  });
});
