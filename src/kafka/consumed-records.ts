import type { Batch, KafkaMessage } from 'kafkajs';
import type { ConsumedBatch, ConsumedRecord } from '../domain/record.js';
import { undecodableReason } from './undecodable.js';

/**
 * Cuts what a fetch brought into batches of at most `size` records that cover the offsets from `firstOffset` on. The last
 * one covers the control records that lie behind the last record.
 */
export function* chunksOf(
  batch: Batch,
  generation: number,
  firstOffset: bigint,
  size: number,
): Generator<ConsumedBatch> {
  const { topic, partition } = batch;
  // An older fetch, from a broker that led the partition before, may come late.
  const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= firstOffset);
  let first = firstOffset;
  for (let start = 0; start < messages.length; start += size) {
    const records = messages
      .slice(start, start + size)
      .map((message) => toRecord(batch, message, undecodableReason(message.value)));
    const next = messages[start + size];
    const lastOffset = next === undefined ? BigInt(batch.lastOffset()) : BigInt(next.offset) - 1n;
    yield { topic, partition, generation, records, firstOffset: first, lastOffset };
    first = lastOffset + 1n;
  }
}

/**
 * The offset that a fetch asked for; kafkajs tells it, but not in its types. What lies between it and the first record is
 * no record.
 */
export const fetchedOffset = (batch: Batch): bigint =>
  BigInt((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset);

function toRecord(
  { topic, partition }: Batch,
  message: KafkaMessage,
  undecodable: string | undefined,
): ConsumedRecord {
  return {
    position: { topic, partition, offset: BigInt(message.offset) },
    key: message.key,
    value: undecodable === undefined ? message.value : null,
    headers: Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, bytesOf(value)]),
    ),
    timestamp: Number(message.timestamp),
    ...(undecodable === undefined ? {} : { unread: { reason: 'undecodable_batch', detail: undecodable } }),
  };
}

/** A header's name may occur several times: then it has a list of values. */
function bytesOf(value: Buffer | string | (Buffer | string)[] | undefined): Buffer | Buffer[] {
  return Array.isArray(value) ? value.map((one) => Buffer.from(one)) : Buffer.from(value ?? '');
}
