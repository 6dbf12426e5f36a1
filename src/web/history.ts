import type { PartitionState } from './agent-state.js';
import type { Stats } from './tally.js';

/** How many samples are kept: five minutes of one a second. */
const capacity = 300;

/** What the page's charts show of one moment; `null` where it is not known. */
export interface Sample {
  /** In seconds since the epoch. */
  readonly at: number;
  readonly postsPerSecond: number;
  /** Percentiles of the latency, in seconds. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Age of the oldest record whose outcome is not committed, over all partitions. */
  readonly lagSeconds: number | null;
}

/** The latest samples, oldest first. */
export interface History {
  add(sample: Sample): void;
  samples(): readonly Sample[];
}

export function createHistory(): History {
  const samples: Sample[] = [];
  return {
    add(sample) {
      samples.push(sample);
      if (samples.length > capacity) samples.shift();
    },
    samples() {
      return samples;
    },
  };
}

/** @param now milliseconds since the epoch */
export function sampleOf(
  { postsPerSecond, latencySeconds }: Stats,
  partitions: readonly PartitionState[],
  now: number,
): Sample {
  const lags = partitions.map(({ lagSeconds }) => lagSeconds);
  return {
    at: Math.round(now / 1000),
    postsPerSecond: rounded(postsPerSecond),
    p50: roundedIfAny(latencySeconds?.p50),
    p95: roundedIfAny(latencySeconds?.p95),
    p99: roundedIfAny(latencySeconds?.p99),
    lagSeconds: lags.length === 0 ? null : rounded(Math.max(...lags)),
  };
}

/** To three digits after the point: milliseconds, and five minutes of samples in few bytes. */
const rounded = (number: number): number => Math.round(number * 1000) / 1000;

const roundedIfAny = (number: number | undefined): number | null =>
  number === undefined ? null : rounded(number);
