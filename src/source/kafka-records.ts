import type { Batch, KafkaMessage } from 'kafkajs';
import type { ConsumedBatch, ConsumedRecord } from '../domain/record.js';

/** Why a record's batch could not be decompressed, told by its value. */
export type UndecodableReason = (value: Buffer | null) => string | undefined;

/** Cuts what a fetch brought into batches of at most `size` records. The last chunk covers the control records that lie behind the last record. */
export function* chunksOf(
  batch: Batch,
  size: number,
  undecodableReason: UndecodableReason,
): Generator<ConsumedBatch> {
  const { topic, partition, messages } = batch;
  for (let start = 0; start < messages.length; start += size) {
    const records = messages
      .slice(start, start + size)
      .map((message) => toRecord(batch, message, undecodableReason(message.value)));
    const next = messages[start + size];
    const lastOffset =
      BigInt(next === undefined ? batch.lastOffset() : next.offset) - (next === undefined ? 0n : 1n);
    yield { topic, partition, records, lastOffset };
  }
}

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
    ...(undecodable === undefined ? {} : { undecodable }),
  };
}

/** A header's name may occur several times: then it has a list of values. */
function bytesOf(value: Buffer | string | (Buffer | string)[] | undefined): Buffer | Buffer[] {
  return Array.isArray(value) ? value.map((one) => Buffer.from(one)) : Buffer.from(value ?? '');
}
