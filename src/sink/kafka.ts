import type { Kafka } from 'kafkajs';
import { brokersUnreachable, InfrastructureError, topicsMissing } from '../domain/errors.js';
import type { Outcome, ResultBatch } from '../domain/outcome.js';
import type { Sink } from '../domain/transport.js';
import type { TopicPartitions } from '../kafka/topics.js';
import { excessBytes, toRecords } from './records.js';
import { metadataMaxAgeMs, type SendOptions } from '../kafka/send.js';
import { claimPartition, openWriter, type Writer } from '../kafka/writer.js';

export interface KafkaSinkOptions extends SendOptions {
  /** For messages to people: the client knows them already. */
  readonly brokers: readonly string[];
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
  readonly delivery: 'at-least-once' | 'exactly-once';
  /** The group that reads the input: with exactly-once delivery its offsets are committed here. */
  readonly groupId: string;
}

/** Asks the brokers for topics, in this order; one that does not exist has 0 partitions. */
export type DescribeTopics = (kafka: Kafka, names: readonly string[]) => Promise<readonly TopicPartitions[]>;

/** A writer with what was known of the topics when it was opened. */
interface Connection {
  readonly writer: Writer;
  readonly output: TopicPartitions;
  readonly deadLetters: TopicPartitions;
  /** By the clock of `performance.now`. */
  readonly openedAt: number;
}

/** Writes that go out one after the other. */
interface PartitionWriter {
  /** The assignment it is good for. */
  readonly generation: number;
  open(): Promise<Writer>;
  connection: Connection | undefined;
  /** The last write, which the next one waits for. */
  lastWrite: Promise<void>;
}

/**
 * Writes results to the output topic and dead letters to theirs. With at-least-once delivery all batches go through one
 * writer, with exactly-once delivery each partition of the input has its own, and a new one for each assignment.
 */
export class KafkaSink implements Sink {
  readonly #kafka: Kafka;
  readonly #describeTopics: DescribeTopics;
  readonly #options: KafkaSinkOptions;
  readonly #writers = new Map<string, PartitionWriter>();

  constructor(kafka: Kafka, describeTopics: DescribeTopics, options: KafkaSinkOptions) {
    this.#kafka = kafka;
    this.#describeTopics = describeTopics;
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#reaching(() => this.#topics());
  }

  refuses(outcome: Outcome): string | undefined {
    const { maxRecordBytes } = this.#options;
    const bytes = excessBytes(outcome, maxRecordBytes);
    if (bytes === undefined) return undefined;
    return `the result takes ${bytes} bytes, more than kafka.maxRecordBytes (${maxRecordBytes})`;
  }

  write(batch: ResultBatch): Promise<void> {
    const writer = this.#writerOf(batch);
    const write = writer.lastWrite.then(() => this.#write(writer, batch));
    writer.lastWrite = write.catch(() => undefined);
    return write;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map(retire));
  }

  #writerOf({ topic, partition, generation }: ResultBatch): PartitionWriter {
    const exactlyOnce = this.#options.delivery === 'exactly-once';
    const key = exactlyOnce ? `${topic}/${partition}/${generation}` : '';
    let writer = this.#writers.get(key);
    if (writer === undefined) {
      const claim = { groupId: this.#options.groupId, topic, partition };
      writer = {
        generation,
        open: () =>
          exactlyOnce
            ? claimPartition(this.#kafka, claim, this.#options)
            : openWriter(this.#kafka, this.#options),
        connection: undefined,
        lastWrite: Promise.resolve(),
      };
      this.#writers.set(key, writer);
      if (exactlyOnce) this.#retireBefore(generation);
    }
    return writer;
  }

  /** The writers of earlier assignments: their partitions were assigned anew, perhaps to others. */
  #retireBefore(generation: number): void {
    for (const [key, writer] of this.#writers) {
      if (writer.generation >= generation) continue;
      this.#writers.delete(key);
      void retire(writer);
    }
  }

  async #write(own: PartitionWriter, batch: ResultBatch): Promise<void> {
    if (performance.now() - (own.connection?.openedAt ?? 0) > metadataMaxAgeMs) await disconnect(own);
    const { writer, output, deadLetters } = (own.connection ??= await this.#connect(own));
    const { maxRecordBytes, brokers } = this.#options;
    const records = batch.outcomes.flatMap((outcome) =>
      toRecords(outcome, output, deadLetters, maxRecordBytes),
    );
    try {
      await writer.write(batch, records);
    } catch (error) {
      await disconnect(own);
      if (error instanceof InfrastructureError) throw error;
      throw new InfrastructureError(
        `results cannot be written to ${brokers.join(', ')}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  #connect(own: PartitionWriter): Promise<Connection> {
    return this.#reaching(async () => {
      const [output, deadLetters] = await this.#topics();
      return { writer: await own.open(), output, deadLetters, openedAt: performance.now() };
    });
  }

  async #topics(): Promise<readonly [output: TopicPartitions, deadLetters: TopicPartitions]> {
    const { outputTopic, deadLetterTopic, brokers } = this.#options;
    const topics = await this.#describeTopics(this.#kafka, [outputTopic, deadLetterTopic]);
    const missing = topics.filter(({ partitions }) => partitions === 0).map(({ topic }) => topic);
    const [output, deadLetters] = topics;
    if (missing.length === 0 && output !== undefined && deadLetters !== undefined)
      return [output, deadLetters];
    throw topicsMissing(brokers, missing);
  }

  async #reaching<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof InfrastructureError) throw error;
      throw brokersUnreachable(this.#options.brokers, error);
    }
  }
}

/** Closes a writer when its last write has ended. */
async function retire(own: PartitionWriter): Promise<void> {
  await own.lastWrite;
  await disconnect(own);
}

async function disconnect(own: PartitionWriter): Promise<void> {
  const writer = own.connection?.writer;
  own.connection = undefined;
  // It is given up in any case: an error on the way out changes nothing.
  await writer?.close().catch(() => undefined);
}
