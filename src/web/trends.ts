import type { Keyphrase } from '../domain/keyphrase.js';

/** The periods that keyphrases are counted over, in seconds, each by buckets of so many seconds. */
const periods = [
  { seconds: 60, bucketSeconds: 5 },
  { seconds: 600, bucketSeconds: 30 },
  { seconds: 3_600, bucketSeconds: 120 },
] as const;

/** A keyphrase that is likelier wrong than 4 to 1 makes no trend. */
const leastScore = 0.2;

/** Phrases that a bucket counts at the same time. */
const capacity = 1_000;

/** Phrases of a period that are told. */
const told = 10;

/** The phrases that most posts of a period were given, most posts first. */
export interface Trend {
  readonly seconds: number;
  readonly phrases: readonly { readonly phrase: string; readonly posts: number }[];
}

export interface Trends {
  /** Counts a post's keyphrases. */
  count(keyphrases: readonly Keyphrase[]): void;
  /** One for each period, the shortest first. */
  top(): readonly Trend[];
}

/** Counts keyphrases over sliding periods, in bounded memory. `now` gives milliseconds on a clock that does not go back. */
export function createTrends(now: () => number): Trends {
  const counted = periods.map((period) => ({ ...period, buckets: [] as Bucket[] }));

  /** Forgets what lies before the period, so that nothing old is kept for long or told. */
  function forget(buckets: Bucket[], seconds: number, bucketSeconds: number): void {
    const first = Math.floor(now() / 1000 / bucketSeconds) - seconds / bucketSeconds + 1;
    while (buckets[0] !== undefined && buckets[0].number < first) buckets.shift();
  }

  return {
    count(keyphrases) {
      const phrases = keyphrases.filter(({ score }) => score >= leastScore).map(({ phrase }) => phrase);
      for (const { seconds, bucketSeconds, buckets } of counted) {
        const number = Math.floor(now() / 1000 / bucketSeconds);
        if (buckets.at(-1)?.number !== number) {
          buckets.push({ number, counts: new Map() });
          forget(buckets, seconds, bucketSeconds);
        }
        const { counts } = buckets.at(-1) ?? { counts: new Map<string, number>() };
        for (const phrase of phrases) countFrequent(counts, phrase, capacity);
      }
    },
    top() {
      return counted.map(({ seconds, bucketSeconds, buckets }) => {
        forget(buckets, seconds, bucketSeconds);
        return { seconds, phrases: mostCounted(buckets) };
      });
    },
  };
}

interface Bucket {
  readonly number: number;
  readonly counts: Map<string, number>;
}

/**
 * Counts an item among `most` at a time, after Misra and Gries (1982): where there is no room for it, one is taken from
 * every count. What makes up more than one in `most` + 1 of n items is never lost, and no count is too low by more than
 * n / (`most` + 1).
 */
export function countFrequent(counts: Map<string, number>, item: string, most: number): void {
  const known = counts.get(item);
  if (known !== undefined || counts.size < most) {
    counts.set(item, (known ?? 0) + 1);
    return;
  }
  for (const [other, count] of counts) {
    if (count === 1) counts.delete(other);
    else counts.set(other, count - 1);
  }
}

/** Of phrases in as many posts, the one that was counted first comes first. */
function mostCounted(buckets: readonly Bucket[]): Trend['phrases'] {
  const sums = new Map<string, number>();
  for (const { counts } of buckets) {
    for (const [phrase, count] of counts) sums.set(phrase, (sums.get(phrase) ?? 0) + count);
  }
  return Array.from(sums, ([phrase, posts]) => ({ phrase, posts }))
    .sort((a, b) => b.posts - a.posts)
    .slice(0, told);
}
