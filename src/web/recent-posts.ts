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
  /**
   * Calls `listener` with every post that is added from now on.
   *
   * @returns a function that ends this.
   */
  subscribe(listener: (post: PostView) => void): () => void;
}

/**
 * Makes room for the latest `capacity` posts.
 *
 * @param now milliseconds since the epoch.
 */
export function createRecentPosts(capacity: number, now: () => number = Date.now): RecentPosts {
  const remembered = new Map<number, { readonly view: PostView; readonly photo: DecodedImage | undefined }>();
  const listeners = new Set<(post: PostView) => void>();
  const tally = createTally(now);
  const trends = createTrends(now);
  let lastKey = 0;

  return {
    add(finished) {
      lastKey += 1;
      const view = toPostView(finished, lastKey, now());
      remembered.set(lastKey, { view, photo: photoOf(finished) });
      remembered.delete(lastKey - capacity);
      tally.count(finished.outcome, view.seconds);
      if (view.kind === 'tagged') trends.count(view.keyphrases);
      for (const listener of listeners) listener(view);
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
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function photoOf({ outcome }: FinishedPost): DecodedImage | undefined {
  return outcome.kind === 'tagged' && outcome.image.kind === 'decoded' ? outcome.image : undefined;
}
