import { randomUUID } from 'node:crypto';
import { Partitioners, type Consumer, type Kafka, type Producer } from 'kafkajs';
import type { Config } from '../config.js';
import { InfrastructureError } from '../domain/errors.js';
import { rejections, type Rejection } from '../domain/outcome.js';
import { createKafka } from '../kafka/client.js';
import { describeTopics } from '../kafka/topics.js';
import { sendOffsets } from '../sink/send-offsets.js';
import { createLogger } from '../telemetry/logger.js';
import { headersOf, readLetter, type Letter } from './dead-letters.js';
import { adding, fromText, holds, toText, type Range } from './ranges.js';

/** Which dead letters are meant, and whether they are only to be shown. */
export interface Selection {
  readonly reasons: readonly Rejection[];
  /** Milliseconds since the epoch: when they were written, from and up to. */
  readonly since: number;
  readonly until: number;
  /** A record that was tried so often is not tried again. */
  readonly maxAttempts: number;
  readonly dryRun: boolean;
}

/** What became of a letter that was meant. */
export type Fate = 'replayed' | 'replayed before' | 'tried too often' | 'incomplete';

/** Letters that go back in one transaction, at most. */
const chunkSize = 64;

/** Of each reason and partition: what was replayed. */
type Done = Map<string, readonly Range[]>;
const doneKey = (reason: Rejection, partition: number): string => `${reason}/${partition}`;

/**
 * Brings dead letters back to the input topic, each once: in the transaction that writes them, what was replayed is
 * noted as the metadata of a committed offset, in a group for each reason.
 *
 * @param told of each letter that was meant
 * @throws InfrastructureError where a topic is missing
 */
export async function replay(
  { kafka: settings }: Config,
  selection: Selection,
  told: (letter: Letter, fate: Fate) => void,
): Promise<void> {
  const kafka = createKafka(settings, createLogger('silent'));
  const { deadLetterTopic: topic, inputTopic, groupId } = settings;
  const [deadLetters, input] = await describeTopics(kafka, [topic, inputTopic]);
  if (!deadLetters?.partitions || !input?.partitions) {
    throw new InfrastructureError(
      `on ${settings.brokers.join(', ')} there is no topic ${topic} or ${inputTopic}`,
    );
  }
  const groupOf = (reason: Rejection): string => `${groupId}.replay.${reason}`;
  const producer = kafka.producer({
    transactionalId: `${groupId}/replay`,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  // A group of its own for each run, which commits nothing: it is only there to read.
  const consumer = kafka.consumer({
    groupId: `${groupId}.replay.${randomUUID()}`,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 500,
  });
  try {
    await producer.connect();
    // One that still runs is shut out before it is read what was replayed.
    if (!selection.dryRun) await (await producer.transaction()).abort();
    const done = await readDone(kafka, topic, groupOf);
    const before = new Map<string, bigint>();
    await readAll(kafka, consumer, topic, async (letters) => {
      for (let start = 0; start < letters.length; start += chunkSize) {
        const chunk = letters.slice(start, start + chunkSize);
        const fates = chunk.map((letter) => decide(letter, selection, done, before));
        const chosen = chunk.filter((_, index) => fates[index] === 'replayed');
        if (chosen.length > 0 && !selection.dryRun)
          await write(producer, chosen, { topic, inputTopic, partitions: input.partitions, done, groupOf });
        chunk.forEach((letter, index) => fates[index] && told(letter, fates[index]));
      }
    });
  } catch (error) {
    throw new InfrastructureError(
      `dead letters cannot be brought back on ${settings.brokers.join(', ')}: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    await consumer.disconnect();
    await producer.disconnect();
  }
}

/** A letter's fate, `undefined` where it isn't meant; notes what is, or was, replayed. */
function decide(
  letter: Letter,
  selection: Selection,
  done: Done,
  before: Map<string, bigint>,
): Fate | undefined {
  const { reason, partition, offset, timestamp } = letter;
  const key = doneKey(reason, partition);
  const ranges = done.get(key) ?? [];
  const last = before.get(key);
  // Read again, after a rebalance.
  if (last !== undefined && offset <= last) return undefined;
  const meant =
    selection.reasons.includes(reason) && timestamp >= selection.since && timestamp < selection.until;
  const fate = holds(ranges, offset)
    ? 'replayed before'
    : letter.attempt >= selection.maxAttempts
      ? 'tried too often'
      : letter.complete
        ? 'replayed'
        : 'incomplete';
  if (fate === 'replayed before' || (meant && fate === 'replayed'))
    done.set(key, adding(ranges, offset, last));
  // What can never go back does not stand between two that have.
  if (fate !== 'incomplete') before.set(key, offset);
  return meant ? fate : undefined;
}

interface Ways {
  readonly topic: string;
  readonly inputTopic: string;
  /** Of the input topic. */
  readonly partitions: number;
  readonly done: Done;
  groupOf(reason: Rejection): string;
}

async function write(producer: Producer, letters: readonly Letter[], ways: Ways): Promise<void> {
  const transaction = await producer.transaction();
  for (const reason of new Set(letters.map((letter) => letter.reason))) {
    const own = letters.filter((letter) => letter.reason === reason);
    const places = new Map(own.map(({ partition, offset }) => [partition, offset + 1n]));
    await sendOffsets(transaction, {
      consumerGroupId: ways.groupOf(reason),
      topics: [
        {
          topic: ways.topic,
          partitions: [...places].map(([partition, offset]) => ({
            partition,
            offset: offset.toString(),
            metadata: toText(ways.done.get(doneKey(reason, partition)) ?? []),
          })),
        },
      ],
    });
  }
  await transaction.send({
    topic: ways.inputTopic,
    acks: -1,
    messages: letters.map((letter) => ({
      key: letter.message.key,
      value: letter.message.value,
      headers: headersOf(letter),
      // With a key it goes where Java's producer puts it; without one to where it came from.
      ...(letter.message.key === null ? { partition: letter.sourcePartition % ways.partitions } : {}),
    })),
  });
  await transaction.commit();
}

async function readDone(kafka: Kafka, topic: string, groupOf: (reason: Rejection) => string): Promise<Done> {
  const admin = kafka.admin();
  const done: Done = new Map();
  try {
    await admin.connect();
    for (const reason of rejections) {
      const [offsets] = await admin.fetchOffsets({ groupId: groupOf(reason), topics: [topic] });
      for (const { partition, metadata } of offsets?.partitions ?? [])
        done.set(doneKey(reason, partition), fromText(metadata ?? ''));
    }
    return done;
  } finally {
    await admin.disconnect();
  }
}

/** Reads a topic from its beginning to where it ends now. */
async function readAll(
  kafka: Kafka,
  consumer: Consumer,
  topic: string,
  take: (letters: readonly Letter[]) => Promise<void>,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const unread = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, BigInt(high)]),
  );
  if (unread.size === 0) return;
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let failed = false;
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      reject(payload.error);
    });
    // It is told of control records, too, which nobody is handed.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      if (BigInt(lastOffset) + 1n >= (unread.get(partition) ?? 0n)) unread.delete(partition);
      if (unread.size === 0) resolve();
    });
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch: { partition, messages } }) => {
          // What comes after a failure would pass over what failed.
          if (failed) return;
          const end = unread.get(partition) ?? 0n;
          const letters = messages
            .filter(({ offset }) => BigInt(offset) < end)
            .flatMap((message) => readLetter(partition, message) ?? []);
          await take(letters).catch((error: unknown) => {
            failed = true;
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        },
      })
      .catch(reject);
  });
}
