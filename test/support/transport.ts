import { Readable, Writable } from 'node:stream';
import { Kafka, logLevel, type Message } from 'kafkajs';
import type { Outcome, TaggedPost } from '../../src/domain/outcome.js';
import type { ConsumedBatch, ConsumedRecord } from '../../src/domain/record.js';
import type { BatchHandler, Sink, Source, Turn } from '../../src/domain/transport.js';
import { createKafka } from '../../src/kafka/client.js';
import { describeTopics } from '../../src/kafka/topics.js';
import { KafkaSink, type KafkaSinkOptions } from '../../src/sink/kafka.js';
import { NdjsonSink } from '../../src/sink/ndjson.js';
import { KafkaSource, type KafkaSourceOptions } from '../../src/source/kafka.js';
import { NdjsonSource } from '../../src/source/ndjson.js';
import { createEvents } from '../../src/telemetry/events.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import type { Broker } from './broker.js';

/** An input and an output of one transport, both empty at first. */
export interface Transport {
  /** Appends records to the input. */
  feed(values: readonly string[]): Promise<void>;
  /** A reader of the input: the first, or the one that goes on after it. */
  source(chunkSize: number, options?: { readonly concurrentChunks: number }): Source;
  sink(): Sink;
  /** The ids of the results that are out, in their order. */
  resultIds(): Promise<readonly string[]>;
  /** The reasons of the dead letters that are out, in their order. */
  deadLetterCodes(): Promise<readonly string[]>;
}

const silent = createLogger('silent');

/** Events that nobody hears. */
export const events = createEvents(silent, createMetrics());

export function ndjsonTransport(): Transport {
  const input: string[] = [];
  const output: Buffer[] = [];
  const lines = (): Record<string, unknown>[] =>
    Buffer.concat(output)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    feed: (values) => Promise.resolve(void input.push(...values)),
    source: (chunkSize, { concurrentChunks } = { concurrentChunks: 1 }) =>
      new NdjsonSource(
        Readable.from(pieces(input.map((value) => `${value}\n`).join(''), 100)),
        { name: '-', chunkSize, concurrentChunks, maxLineBytes: 1_000 },
        events,
      ),
    sink: () =>
      new NdjsonSink(
        new Writable({
          write: (piece: Buffer, _encoding, done) => {
            output.push(piece);
            done();
          },
        }),
      ),
    resultIds: () => Promise.resolve(lines().flatMap(({ id }) => (typeof id === 'string' ? [id] : []))),
    deadLetterCodes: () =>
      Promise.resolve(lines().flatMap(({ error }) => (error ? [(error as { code: string }).code] : []))),
  };
}

/** As a pipe brings a text: in pieces that end anywhere. */
function pieces(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/**
 * Topics of their own on a real broker; the Java console consumer reads what is out.
 *
 * @param configs of the input topic
 * @param delivery of source and sink, which have to agree
 */
export async function kafkaTransport(
  broker: Broker,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
  delivery: KafkaSinkOptions['delivery'] = 'at-least-once',
): Promise<KafkaTransport> {
  const inputTopic = await broker.createTopic('posts', { partitions, configs });
  const outputTopic = await broker.createTopic('keyphrases', { partitions });
  const deadLetterTopic = await broker.createTopic('dead-letter', { partitions });
  const { brokers } = broker;
  const kafka = () => createKafka({ brokers, clientId: 'test', tls: { enabled: false } }, silent);
  return {
    inputTopic,
    outputTopic,
    deadLetterTopic,
    groupId: inputTopic,
    feed: (values) =>
      produce(
        broker,
        inputTopic,
        values.map((value, index) => ({ value, partition: index % partitions })),
      ),
    source(chunkSize, overrides = {}) {
      const options = {
        brokers,
        inputTopic,
        groupId: inputTopic,
        chunkSize,
        delivery,
        ...sourceDefaults,
        ...overrides,
      };
      return new KafkaSource(kafka(), options, events);
    },
    sink: (overrides = {}) =>
      new KafkaSink(kafka(), describeTopics, {
        brokers,
        outputTopic,
        deadLetterTopic,
        groupId: inputTopic,
        delivery,
        ...sinkDefaults,
        ...overrides,
      }),
    resultIds: async () => (await broker.consoleConsumer(outputTopic)).map(({ key }) => String(key)),
    deadLetterCodes: async () =>
      (await broker.consoleConsumer(deadLetterTopic)).map(({ headers }) =>
        String(headers['tagstream-reason']),
      ),
  };
}

const sourceDefaults = {
  concurrentChunks: 1,
  concurrentPartitions: 3,
  fetchBytes: 1_048_576,
  sessionTimeoutMs: 30_000,
} as const;
const sinkDefaults = { compression: 'lz4', maxRecordBytes: 1_000_000 } as const;

export interface KafkaTransport extends Transport {
  readonly inputTopic: string;
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
  readonly groupId: string;
  source(chunkSize: number, overrides?: Partial<KafkaSourceOptions>): KafkaSource;
  sink(overrides?: Partial<KafkaSinkOptions>): KafkaSink;
}

/** Writes records with kafkajs. */
export async function produce(broker: Broker, topic: string, messages: Message[]): Promise<void> {
  const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer({
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  if (messages.length > 0) await producer.send({ topic, messages });
  await producer.disconnect();
}

/** A handler as simple as can be: a record's value is the id of its result, and one that starts with `!` is no post. */
export function echo(sink: Sink): BatchHandler {
  return async (batch, { after }) => {
    await after;
    await sink.write({ ...batch, outcomes: batch.records.map(decide), nextOffset: batch.lastOffset + 1n });
  };
}

export function decide(record: ConsumedRecord): Outcome {
  const { position } = record;
  const id = String(record.value);
  if (id.startsWith('!')) {
    return { kind: 'dead-letter', position, reason: 'not_json', detail: `${id} is no post`, raw: record };
  }
  const post = { id, text: id, images: [] };
  const image = { kind: 'absent', reason: 'none' } as const;
  return { kind: 'tagged', position, post: { post, cleanText: id }, image, result: resultOf(id) };
}

export const resultOf = (id: string): TaggedPost => ({
  id,
  keyphrases: [],
  image: { used: false, reason: 'none' },
  entities: [],
  model: { name: 'echo', version: '1' },
});

/** Runs a source until `count` records have come back from the handler, or its input ends. */
export async function runUntil(source: Source, count: number, handle: BatchHandler): Promise<void> {
  let handled = 0;
  let stopped: Promise<void> | undefined;
  await source.run(async (batch: ConsumedBatch, turn: Turn) => {
    await handle(batch, turn);
    await turn.after;
    handled += batch.records.length;
    if (handled >= count) stopped ??= source.stop();
  });
  await stopped;
}
