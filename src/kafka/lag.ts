import type { Batch } from 'kafkajs';

/** How far a partition is behind, as far as its last fetch tells: its records, and the seconds that the oldest waits. */
export type Lag = readonly [records: number, seconds: number];

/** @param next the first offset whose outcome is not committed */
export function lagOf({ messages, highWatermark }: Batch, next: bigint): Lag {
  const records = Math.max(0, Number(BigInt(highWatermark) - next));
  // Of records beyond the fetch no time is known yet, only that they are no older than the fetch's last.
  const oldest = messages.find(({ offset }) => BigInt(offset) >= next) ?? messages.at(-1);
  const age = records === 0 || oldest === undefined ? 0 : Date.now() - Number(oldest.timestamp);
  return [records, Math.max(0, age) / 1_000];
}
