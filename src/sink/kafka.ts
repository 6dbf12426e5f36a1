import { CompressionTypes, Partitioners, type Kafka, type Producer, type RecordMetadata } from 'kafkajs';
import { InfrastructureError } from '../domain/errors.js';
import type { Outcome, ResultBatch } from '../domain/outcome.js';
import type { Sink } from '../domain/transport.js';
import { excessBytes, toRecords, type Destination, type OutgoingRecord } from './kafka-records.js';
import { withinBytes } from './record-size.js';

export interface KafkaSinkOptions {
  /** For messages to people: the client knows them already. */
  readonly brokers: readonly string[];
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** The largest record that the brokers take, in bytes: no batch of records is larger either. */
  readonly maxRecordBytes: number;
}

/** Asks the brokers for topics, in this order; one that does not exist has 0 partitions. */
export type DescribeTopics = (kafka: Kafka, names: readonly string[]) => Promise<readonly Destination[]>;

/** A producer with what it knows of its topics. None outlives an error. */
interface Connection {
  readonly producer: Producer;
  readonly output: Destination;
  readonly deadLetters: Destination;
  readonly openedAt: number;
}

/** Milliseconds after which the topics' partitions are asked for anew; Java's producers use the same. */
const metadataMaxAgeMs = 300_000;

const compressionTypes = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

/**
 * Writes results to the output topic and dead letters to theirs, at least once. kafkajs loses or doubles messages when
 * sends run side by side, when it retries one, or when a producer goes on after an error: so there is one send at a
 * time, never a second attempt, and a new producer after each error. The batch is read again instead.
 */
export class KafkaSink implements Sink {
  readonly #kafka: Kafka;
  readonly #describeTopics: DescribeTopics;
  readonly #options: KafkaSinkOptions;
  #connection: Connection | undefined;
  /** The last write, which the next one waits for. */
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(kafka: Kafka, describeTopics: DescribeTopics, options: KafkaSinkOptions) {
    this.#kafka = kafka;
    this.#describeTopics = describeTopics;
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#connection = await this.#connect();
  }

  refuses(outcome: Outcome): string | undefined {
    const { maxRecordBytes } = this.#options;
    const bytes = excessBytes(outcome, maxRecordBytes);
    if (bytes === undefined) return undefined;
    return `the result takes ${bytes} bytes, more than kafka.maxRecordBytes (${maxRecordBytes})`;
  }

  write(batch: ResultBatch): Promise<void> {
    const write = this.#lastWrite.then(() => this.#write(batch));
    this.#lastWrite = write.catch(() => undefined);
    return write;
  }

  async close(): Promise<void> {
    await this.#lastWrite;
    await this.#disconnect();
  }

  async #write({ outcomes }: ResultBatch): Promise<void> {
    if (Date.now() - (this.#connection?.openedAt ?? 0) > metadataMaxAgeMs) await this.#disconnect();
    const { producer, output, deadLetters } = (this.#connection ??= await this.#connect());
    const { maxRecordBytes, compression, brokers } = this.#options;
    const records = outcomes.flatMap((outcome) => toRecords(outcome, output, deadLetters, maxRecordBytes));
    try {
      for (const run of withinBytes(records, maxRecordBytes)) {
        const topicMessages = [output, deadLetters].map(({ topic }) => ({
          topic,
          messages: run
            .filter((record) => record.topic === topic)
            .map(({ message, partition }) => ({ ...message, partition })),
        }));
        const acknowledged = await producer.sendBatch({
          topicMessages: topicMessages.filter(({ messages }) => messages.length > 0),
          acks: -1,
          compression: compressionTypes[compression],
        });
        expectAll(run, acknowledged);
      }
    } catch (error) {
      await this.#disconnect();
      throw new InfrastructureError(
        `results cannot be written to ${brokers.join(', ')}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async #connect(): Promise<Connection> {
    const { brokers } = this.#options;
    const producer = this.#kafka.producer({
      // Never asked, as each record brings its partition; kafkajs warns of its absence.
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: metadataMaxAgeMs,
    });
    try {
      const [output, deadLetters] = await this.#destinations();
      await producer.connect();
      return { producer, output, deadLetters, openedAt: Date.now() };
    } catch (error) {
      if (error instanceof InfrastructureError) throw error;
      throw new InfrastructureError(
        `Kafka at ${brokers.join(', ')} cannot be reached: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async #destinations(): Promise<readonly [output: Destination, deadLetters: Destination]> {
    const { outputTopic, deadLetterTopic, brokers } = this.#options;
    const topics = await this.#describeTopics(this.#kafka, [outputTopic, deadLetterTopic]);
    const missing = topics.filter(({ partitions }) => partitions === 0).map(({ topic }) => topic);
    const [output, deadLetters] = topics;
    if (missing.length === 0 && output !== undefined && deadLetters !== undefined)
      return [output, deadLetters];
    throw new InfrastructureError(
      `there is no topic "${missing.join('", "')}" on ${brokers.join(', ')}: create what is missing, or name another`,
    );
  }

  async #disconnect(): Promise<void> {
    const producer = this.#connection?.producer;
    this.#connection = undefined;
    // It is given up in any case: an error on the way out changes nothing.
    await producer?.disconnect().catch(() => undefined);
  }
}

/** kafkajs can resolve a send that lost messages on the way, when a partition's leader moves: only what is named is out. */
function expectAll(sent: readonly OutgoingRecord[], acknowledged: readonly RecordMetadata[]): void {
  const lost = sent.find(
    ({ topic, partition }) =>
      !acknowledged.some(
        (metadata) =>
          metadata.topicName === topic && metadata.partition === partition && metadata.errorCode === 0,
      ),
  );
  if (lost !== undefined) {
    throw new Error(`the broker did not acknowledge partition ${lost.partition} of ${lost.topic}`);
  }
}
