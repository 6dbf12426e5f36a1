import { randomUUID } from 'node:crypto';
import type { Kafka, Producer, Transaction } from 'kafkajs';
import type { Config } from '../config.js';
import { brokersUnreachable, InfrastructureError, topicsMissing } from '../domain/errors.js';
import { rejections, type Rejection } from '../domain/outcome.js';
import { createKafka } from '../kafka/client.js';
import { describeTopics } from '../kafka/topics.js';
import { partitionOf, type Destination } from '../sink/kafka-records.js';
import { sendOffsets } from '../sink/send-offsets.js';
import { producerOptions, sendAll, type SendOptions } from '../sink/send.js';
import { createLogger } from '../telemetry/logger.js';
import { headersOf, readLetter, type Letter } from './dead-letters.js';
import { readAll } from './read-topic.js';
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
 * @throws InfrastructureError where a topic is missing or the brokers fail
 */
export async function replay(
  { kafka: settings }: Config,
  selection: Selection,
  told: (letter: Letter, fate: Fate) => void,
): Promise<void> {
  const kafka = createKafka(settings, createLogger('silent'));
  const { deadLetterTopic: topic, inputTopic, groupId } = settings;
  const names = [topic, inputTopic];
  const [deadLetters, input] = await describeTopics(kafka, names).catch((cause: unknown) => {
    throw brokersUnreachable(settings.brokers, cause);
  });
  if (!deadLetters?.partitions || !input?.partitions) {
    const missing = [deadLetters, input].flatMap((asked, index) =>
      asked?.partitions ? [] : [names[index] ?? ''],
    );
    throw topicsMissing(settings.brokers, missing);
  }
  const groupOf = (reason: Rejection): string => `${groupId}.replay.${reason}`;
  const producer = kafka.producer({ ...producerOptions, transactionalId: `${groupId}/replay` });
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
    await readAll(kafka, consumer, topic, async (partition, messages) => {
      const letters = messages.flatMap((message) => readLetter(partition, message) ?? []);
      for (let start = 0; start < letters.length; start += chunkSize) {
        const chunk = letters.slice(start, start + chunkSize);
        const fates = chunk.map((letter) => decide(letter, selection, done, before));
        const chosen = chunk.filter((_, index) => fates[index] === 'replayed');
        if (chosen.length > 0 && !selection.dryRun)
          await write(producer, chosen, { topic, input, send: settings, done, groupOf });
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
  readonly input: Destination;
  readonly send: SendOptions;
  readonly done: Done;
  groupOf(reason: Rejection): string;
}

/** Kafka's default for a broker's `offset.metadata.max.bytes`. */
const mostNoteBytes = 4_096;

/** What is noted with a committed offset: which letters of a reason were replayed. */
function noteOf(ranges: readonly Range[], reason: Rejection, partition: number): string {
  const note = toText(ranges);
  if (note.length <= mostNoteBytes) return note;
  throw new InfrastructureError(
    `between the dead letters of "${reason}" in partition ${partition} that were replayed lie too many that were not: the note of that is limited to ${mostNoteBytes} bytes. Replay those as well, without --since and --until and with a higher --max-attempts`,
  );
}

async function write(producer: Producer, letters: readonly Letter[], ways: Ways): Promise<void> {
  const transaction = await producer.transaction();
  try {
    await writeWithin(transaction, letters, ways);
    await transaction.commit();
  } catch (error) {
    // Readers of the input would wait for the end of the transaction.
    await transaction.abort().catch(() => undefined);
    throw error;
  }
}

async function writeWithin(transaction: Transaction, letters: readonly Letter[], ways: Ways): Promise<void> {
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
            metadata: noteOf(ways.done.get(doneKey(reason, partition)) ?? [], reason, partition),
          })),
        },
      ],
    });
  }
  const records = letters.map((letter) => {
    const { key, value } = letter.message;
    // With a key it goes where Java's producer puts it; without one to where it came from.
    const partition =
      key === null ? letter.sourcePartition % ways.input.partitions : partitionOf(key, ways.input);
    return { topic: ways.input.topic, partition, message: { key, value, headers: headersOf(letter) } };
  });
  await sendAll(transaction, records, ways.send);
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
