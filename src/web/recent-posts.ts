import type { DecodedImage } from '../domain/image.js';
import { toPostView, type FinishedPost, type PostView } from './post-view.js';
import { createTally, type Stats } from './tally.js';
import { createTrends, type Trend } from './trends.js';

/** The latest posts and what became of them: what the live page shows. */
export interface RecentPosts {
  /** Remembers a post whose outcome is out, and forgets the oldest where there is no room. */
  add(finished: FinishedPost): void;
  newestFirst(): readonly PostView[];
  /** The posts numbered above `key` that are remembered, oldest first. */
  heldAfter(key: number): readonly PostView[];
  /** The number of the latest post; 0 before the first. */
  latestKey(): number;
  /** The photo of a remembered post. */
  photo(key: number): DecodedImage | undefined;
  /** Counts since the start, of all posts ever added. */
  stats(): Stats;
  /** The keyphrases that most posts of late were given. */
  trends(): readonly Trend[];
}

/**
 * Makes room for the latest `capacity` posts.
 *
 * @param now milliseconds since the epoch: when an outcome was out.
 * @param clock milliseconds on a clock that does not go back, which rates and periods are taken by.
 */
export function createRecentPosts(
  capacity: number,
  now: () => number = Date.now,
  clock: () => number = () => performance.now(),
): RecentPosts {
  const remembered = new Map<number, { readonly view: PostView; readonly photo: DecodedImage | undefined }>();
  const tally = createTally(clock);
  const trends = createTrends(clock);
  let lastKey = 0;

  return {
    add(finished) {
      lastKey += 1;
      const view = toPostView(finished, lastKey, now(), `/api/photos/${lastKey}`);
      remembered.set(lastKey, { view, photo: photoOf(finished) });
      remembered.delete(lastKey - capacity);
      tally.count(finished.outcome, view.seconds);
      if (view.kind === 'tagged') trends.count(view.keyphrases);
    },
    newestFirst() {
      return Array.from(remembered.values(), ({ view }) => view).reverse();
    },
    heldAfter(key) {
      const held: PostView[] = [];
      for (let next = Math.max(key, lastKey - capacity) + 1; next <= lastKey; next += 1) {
        const entry = remembered.get(next);
        if (entry !== undefined) held.push(entry.view);
      }
      return held;
    },
    latestKey() {
      return lastKey;
    },
    photo(key) {
      return remembered.get(key)?.photo;
    },
    stats() {
      return tally.stats();
    },
    trends() {
      return trends.top();
    },
  };
}

/** A post's photo, but for the larger one that its text was read in: that is many times as large. */
function photoOf({ outcome }: FinishedPost): DecodedImage | undefined {
  if (outcome.kind !== 'tagged' || outcome.image.kind !== 'decoded') return undefined;
  const { page, ...photo } = outcome.image;
  return page === undefined ? outcome.image : photo;
}
