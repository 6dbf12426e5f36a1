import type { Kafka } from 'kafkajs';
import { brokersUnreachable, InfrastructureError, topicsMissing } from '../domain/errors.js';
import type { Outcome, ResultBatch } from '../domain/outcome.js';
import type { Sink } from '../domain/transport.js';
import { excessBytes, toRecords, type Destination } from './kafka-records.js';
import { metadataMaxAgeMs, type SendOptions } from './send.js';
import { claimPartition } from './transactional-writer.js';
import { openWriter, type Writer } from './writer.js';

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
export type DescribeTopics = (kafka: Kafka, names: readonly string[]) => Promise<readonly Destination[]>;

/** A writer with what was known of the topics when it was opened. */
interface Connection {
  readonly writer: Writer;
  readonly output: Destination;
  readonly deadLetters: Destination;
  /** By the clock of `performance.now`. */
  readonly openedAt: number;
}

/** Writes that go out one after the other. */
interface Lane {
  /** The assignment it is good for. */
  readonly generation: number;
  open(): Promise<Writer>;
  connection: Connection | undefined;
  /** The last write, which the next one waits for. */
  lastWrite: Promise<void>;
}

/**
 * Writes results to the output topic and dead letters to theirs. With at-least-once delivery all batches go through one
 * lane, with exactly-once delivery each partition of the input has its own, and a new one for each assignment.
 */
export class KafkaSink implements Sink {
  readonly #kafka: Kafka;
  readonly #describeTopics: DescribeTopics;
  readonly #options: KafkaSinkOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(kafka: Kafka, describeTopics: DescribeTopics, options: KafkaSinkOptions) {
    this.#kafka = kafka;
    this.#describeTopics = describeTopics;
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#reaching(() => this.#destinations());
  }

  refuses(outcome: Outcome): string | undefined {
    const { maxRecordBytes } = this.#options;
    const bytes = excessBytes(outcome, maxRecordBytes);
    if (bytes === undefined) return undefined;
    return `the result takes ${bytes} bytes, more than kafka.maxRecordBytes (${maxRecordBytes})`;
  }

  write(batch: ResultBatch): Promise<void> {
    const lane = this.#laneOf(batch);
    const write = lane.lastWrite.then(() => this.#write(lane, batch));
    lane.lastWrite = write.catch(() => undefined);
    return write;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(retire));
  }

  #laneOf({ topic, partition, generation }: ResultBatch): Lane {
    const exactlyOnce = this.#options.delivery === 'exactly-once';
    const key = exactlyOnce ? `${topic}/${partition}/${generation}` : '';
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const claim = { groupId: this.#options.groupId, topic, partition };
      lane = {
        generation,
        open: () =>
          exactlyOnce
            ? claimPartition(this.#kafka, claim, this.#options)
            : openWriter(this.#kafka, this.#options),
        connection: undefined,
        lastWrite: Promise.resolve(),
      };
      this.#lanes.set(key, lane);
      if (exactlyOnce) this.#retireBefore(generation);
    }
    return lane;
  }

  /** The lanes of earlier assignments: their partitions were assigned anew, perhaps to others. */
  #retireBefore(generation: number): void {
    for (const [key, lane] of this.#lanes) {
      if (lane.generation >= generation) continue;
      this.#lanes.delete(key);
      void retire(lane);
    }
  }

  async #write(lane: Lane, batch: ResultBatch): Promise<void> {
    if (performance.now() - (lane.connection?.openedAt ?? 0) > metadataMaxAgeMs) await disconnect(lane);
    const { writer, output, deadLetters } = (lane.connection ??= await this.#connect(lane));
    const { maxRecordBytes, brokers } = this.#options;
    const records = batch.outcomes.flatMap((outcome) =>
      toRecords(outcome, output, deadLetters, maxRecordBytes),
    );
    try {
      await writer.write(batch, records);
    } catch (error) {
      await disconnect(lane);
      if (error instanceof InfrastructureError) throw error;
      throw new InfrastructureError(
        `results cannot be written to ${brokers.join(', ')}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  #connect(lane: Lane): Promise<Connection> {
    return this.#reaching(async () => {
      const [output, deadLetters] = await this.#destinations();
      return { writer: await lane.open(), output, deadLetters, openedAt: performance.now() };
    });
  }

  async #destinations(): Promise<readonly [output: Destination, deadLetters: Destination]> {
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

/** Closes a lane when its last write has ended. */
async function retire(lane: Lane): Promise<void> {
  await lane.lastWrite;
  await disconnect(lane);
}

async function disconnect(lane: Lane): Promise<void> {
  const writer = lane.connection?.writer;
  lane.connection = undefined;
  // It is given up in any case: an error on the way out changes nothing.
  await writer?.close().catch(() => undefined);
}
