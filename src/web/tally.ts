import type { ImageAbsence } from '../domain/image.js';
import { imageOutcome, type NoiseReason, type Outcome, type Reason } from '../domain/outcome.js';

/** How many seconds the page's throughput is taken over. */
const rateSeconds = 10;

/** The percentiles are taken over the durations of so many milliseconds, and over so many of the latest at most. */
const durationMs = 60_000;
const durationWindow = 512;

type Counts<K extends string> = Partial<Record<K, number>>;

/** Percentiles in seconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What has become of the posts since the start. */
export interface Stats {
  readonly uptimeSeconds: number;
  readonly tagged: number;
  readonly tombstones: number;
  readonly deadLettered: Readonly<Counts<Reason>>;
  readonly skipped: Readonly<Counts<NoiseReason>>;
  /** Tagged posts by what became of their image. */
  readonly images: Readonly<Counts<ImageAbsence | 'used'>>;
  /** Records whose outcome went out in the last ten seconds, a second. */
  readonly postsPerSecond: number;
  /** From a record's timestamp to its outcome being out, over the last minute's tagged posts; absent where there are none. */
  readonly latencySeconds?: Latency;
}

export interface Tally {
  /** Counts an outcome that took `seconds` from its record's timestamp. */
  count(outcome: Outcome, seconds: number): void;
  stats(): Stats;
}

/** Counts outcomes. `now` gives milliseconds on a clock that does not go back. */
export function createTally(now: () => number): Tally {
  const startedAt = now();
  let tagged = 0;
  let tombstones = 0;
  const deadLettered: Counts<Reason> = {};
  const skipped: Counts<NoiseReason> = {};
  const images: Counts<ImageAbsence | 'used'> = {};
  const arrivals: { second: number; count: number }[] = [];
  const durations: { readonly at: number; readonly seconds: number }[] = [];

  function countOutcome(outcome: Outcome, seconds: number): void {
    switch (outcome.kind) {
      case 'tagged':
        durations[tagged % durationWindow] = { at: now(), seconds };
        tagged += 1;
        return add(images, imageOutcome(outcome.result.image));
      case 'tombstone':
        tombstones += 1;
        return;
      case 'skipped':
        return add(skipped, outcome.reason);
      case 'dead-letter':
        return add(deadLettered, outcome.reason);
    }
  }

  function countArrival(): void {
    const second = Math.floor(now() / 1000);
    const latest = arrivals.at(-1);
    if (latest?.second === second) latest.count += 1;
    else arrivals.push({ second, count: 1 });
    if (arrivals.length > rateSeconds) arrivals.shift();
  }

  function postsPerSecond(): number {
    const first = Math.floor(now() / 1000) - rateSeconds + 1;
    const count = arrivals.reduce((sum, arrival) => (arrival.second < first ? sum : sum + arrival.count), 0);
    const since = Math.max(startedAt, first * 1000);
    return count / Math.max(1, (now() - since) / 1000);
  }

  function latency(): Pick<Stats, 'latencySeconds'> {
    const since = now() - durationMs;
    const sorted = durations
      .flatMap(({ at, seconds }) => (at > since ? [seconds] : []))
      .sort((a, b) => a - b);
    if (sorted.length === 0) return {};
    const [p50, p95, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.95), percentile(sorted, 0.99)];
    return { latencySeconds: { p50, p95, p99 } };
  }

  return {
    count(outcome, seconds) {
      countOutcome(outcome, seconds);
      countArrival();
    },
    stats() {
      return {
        uptimeSeconds: (now() - startedAt) / 1000,
        tagged,
        tombstones,
        deadLettered: { ...deadLettered },
        skipped: { ...skipped },
        images: { ...images },
        postsPerSecond: postsPerSecond(),
        ...latency(),
      };
    },
  };
}

function add<K extends string>(counts: Counts<K>, name: K): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** The nearest-rank percentile: the least value that at least that share of the values, in order, does not exceed. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
