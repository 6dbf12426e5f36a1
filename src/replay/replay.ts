import { randomUUID } from 'node:crypto';
import type { Kafka, Producer, Transaction } from 'kafkajs';
import type { Config } from '../config/load.js';
import { brokersUnreachable, InfrastructureError, StoppedError, topicsMissing } from '../domain/errors.js';
import { reasons, type Reason } from '../domain/outcome.js';
import { createKafka } from '../kafka/client.js';
import { describeTopics, type TopicPartitions } from '../kafka/topics.js';
import { partitionOf } from '../kafka/partitioner.js';
import { sendOffsets, typesOf } from '../kafka/writer.js';
import { producerOptions, sendAll, type SendOptions } from '../kafka/send.js';
import { createLogger } from '../telemetry/logger.js';
import { headersOf, readLetter, type Letter } from './dead-letters.js';
import { decide, doneKey, type Done, type Fate, type Selection } from './fate.js';
import { readAll, stoppedEarly } from './read-topic.js';
import { fromText, toText, type Range } from './ranges.js';

/** Letters that go back in one transaction, at most. */
const chunkSize = 64;

/**
 * Milliseconds after which the brokers end the transaction of a replay that was killed: until then nobody who reads only
 * what is committed gets past it in the input. It holds the sends of one chunk, so as much as an agent's is enough
 * (kafka/writer.ts).
 */
const transactionTimeout = 10_000;

/**
 * Brings dead letters back to the input topic, each once: in the transaction that writes them, what was replayed is
 * noted as the metadata of a committed offset, in a group for each reason.
 *
 * @param told of each letter that was meant
 * @param stopping ends it after the transaction that is under way
 * @throws InfrastructureError where a topic is missing, the brokers fail or another replay of the group has begun
 * @throws StoppedError where it was stopped before the end
 */
export async function replay(
  { kafka: settings }: Config,
  selection: Selection,
  told: (letter: Letter, fate: Fate) => void,
  stopping: AbortSignal,
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
  // Of each input its own: what is noted for one says nothing of letters of others that lie between. No topic's name has
  // a slash.
  const groupOf = (reason: Reason): string => `${groupId}.replay.${reason}/${inputTopic}`;
  const transactionalId = `${groupId}/replay`;
  const producer = kafka.producer({ ...producerOptions, transactionalId, transactionTimeout });
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
    const choice = { selection, inputTopic, done, before: new Map<string, bigint>() };
    const read = new Map<number, bigint>();
    await readAll(kafka, consumer, { topic, stopping }, async (partition, messages) => {
      const letters = messages
        .flatMap((message) => readLetter(partition, message) ?? [])
        // They come again after a rebalance.
        .filter(({ offset }) => offset > (read.get(partition) ?? -1n));
      for (let start = 0; start < letters.length; start += chunkSize) {
        if (stopping.aborted) throw stoppedEarly();
        const chunk = letters.slice(start, start + chunkSize);
        const fates = chunk.map((letter) => decide(letter, choice));
        const chosen = chunk.filter((_, index) => fates[index] === 'replayed');
        if (chosen.length > 0 && !selection.dryRun)
          await write(producer, chosen, { topic, input, send: settings, done, groupOf });
        chunk.forEach((letter, index) => fates[index] && told(letter, fates[index]));
        read.set(partition, chunk.at(-1)?.offset ?? -1n);
      }
    });
  } catch (error) {
    if (error instanceof StoppedError) throw error;
    if (typesOf(error).includes('INVALID_PRODUCER_EPOCH'))
      throw new InfrastructureError(
        `another replay of group "${groupId}" has begun and shut this one out, or the brokers ended a transaction after ${transactionTimeout / 1_000} s: run this one again when no other runs; each dead letter goes back once`,
        { cause: error },
      );
    throw new InfrastructureError(
      `dead letters cannot be brought back on ${settings.brokers.join(', ')}: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    await consumer.disconnect();
    await producer.disconnect();
  }
}

interface Ways {
  readonly topic: string;
  readonly input: TopicPartitions;
  readonly send: SendOptions;
  readonly done: Done;
  groupOf(reason: Reason): string;
}

/** Kafka's default for a broker's `offset.metadata.max.bytes`. */
const mostNoteBytes = 4_096;

/** What is noted with a committed offset: which letters of a reason were replayed. */
function noteOf(ranges: readonly Range[], reason: Reason, partition: number): string {
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

async function readDone(kafka: Kafka, topic: string, groupOf: (reason: Reason) => string): Promise<Done> {
  const admin = kafka.admin();
  const done: Done = new Map();
  try {
    await admin.connect();
    for (const reason of reasons) {
      const [offsets] = await admin.fetchOffsets({ groupId: groupOf(reason), topics: [topic] });
      for (const { partition, metadata } of offsets?.partitions ?? [])
        done.set(doneKey(reason, partition), fromText(metadata ?? ''));
    }
    return done;
  } finally {
    await admin.disconnect();
  }
}
