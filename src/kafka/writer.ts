import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, Transaction } from 'kafkajs';
import { FencedError, OffsetMismatchError } from '../domain/errors.js';
import type { ResultBatch } from '../domain/outcome.js';
import type { OutgoingRecord } from './partitioner.js';
import { producerOptions, sendAll, type SendOptions } from './send.js';

/** A producer's life, from its start to its first error: after that it is good for nothing but to be closed. */
export interface Writer {
  /** Writes the records that a batch of results became. */
  write(batch: ResultBatch, records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Writes at least once: what fails is tried again, and may have been written before. The source commits the offsets. */
export async function openWriter(kafka: Kafka, options: SendOptions): Promise<Writer> {
  const producer = kafka.producer(producerOptions);
  await producer.connect();
  return {
    write: (_batch, records) => sendAll(producer, records, options),
    close: () => producer.disconnect(),
  };
}

/** A partition of the input, as the group that reads it knows it. */
export interface Claim {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
}

/** Milliseconds after which the brokers end a transaction by themselves: one holds nothing but the sends of one batch. */
const transactionTimeout = 10_000;

/**
 * Makes this process the only one that writes for a partition, and writes each batch exactly once from there: results,
 * dead letters and the offset to go on from in one transaction.
 *
 * The brokers know the writer of a partition by its transactional id. Starting it ends what an earlier one, of this or
 * of another process, had under way, and shuts that one out. Only then the committed offset says for certain what is
 * out, and a batch that does not begin there is refused. A group that has committed nothing yet begins anywhere.
 *
 * @throws KafkaJSError where the brokers don't answer or the partition cannot be had now
 */
export async function claimPartition(
  kafka: Kafka,
  { groupId, topic, partition }: Claim,
  options: SendOptions,
): Promise<Writer> {
  const producer = kafka.producer({
    ...producerOptions,
    // No topic's name has a slash, so no two partitions of any groups share an id.
    transactionalId: `${groupId}/${topic}/${partition}`,
    transactionTimeout,
  });
  try {
    await producer.connect();
    // kafkajs registers the id with its first transaction, not before.
    await (await producer.transaction()).abort();
    let committed = await committedOffset(kafka, groupId, topic, partition);
    return {
      async write(batch, records) {
        if (committed !== undefined && committed !== batch.firstOffset)
          throw new OffsetMismatchError(committed);
        const transaction = await producer.transaction();
        try {
          await sendOffsets(transaction, {
            consumerGroupId: groupId,
            topics: [{ topic, partitions: [{ partition, offset: batch.nextOffset.toString() }] }],
          });
          await sendAll(transaction, records, options);
          await transaction.commit();
        } catch (error) {
          // Readers of the output wait for the end of a transaction. Where the brokers don't answer, they end it themselves.
          if (typesOf(error).length > 0) await transaction.abort().catch(() => undefined);
          if (!typesOf(error).includes('INVALID_PRODUCER_EPOCH')) throw error;
          throw new FencedError(
            `another agent of group "${groupId}" has taken over partition ${partition} of "${topic}", or the brokers ended a transaction after ${transactionTimeout / 1_000} s: start this one again`,
            { cause: error },
          );
        }
        committed = batch.nextOffset;
      },
      close: () => producer.disconnect(),
    };
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
}

/** The offset that the group goes on from, or `undefined` where it has none and begins at the partition's first record. */
async function committedOffset(
  kafka: Kafka,
  groupId: string,
  topic: string,
  partition: number,
): Promise<bigint | undefined> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = offsets?.partitions.find((one) => one.partition === partition);
    const offset = BigInt(committed?.offset ?? -1);
    return offset < 0n ? undefined : offset;
  } finally {
    await admin.disconnect();
  }
}

/** Milliseconds: after a commit the brokers refuse the next transaction until they have told all partitions, some 50. */
const concurrent = { firstWait: 10, mostWait: 200, giveUpAfter: 10_000 } as const;

/** Makes committed offsets part of a transaction, as its first request: kafkajs does not repeat it where it must be. */
export async function sendOffsets(
  transaction: Transaction,
  offsets: Parameters<Transaction['sendOffsets']>[0],
): Promise<void> {
  const deadline = performance.now() + concurrent.giveUpAfter;
  for (let wait: number = concurrent.firstWait; ; wait = Math.min(2 * wait, concurrent.mostWait)) {
    try {
      return await transaction.sendOffsets(offsets);
    } catch (error) {
      if (!typesOf(error).includes('CONCURRENT_TRANSACTIONS') || performance.now() > deadline) throw error;
    }
    await sleep(wait);
  }
}

/** What the brokers called an error and its causes, where it was their answer. */
export function typesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { type } = error as Error & { readonly type?: string };
  return [...(type === undefined ? [] : [type]), ...typesOf(error.cause)];
}
