import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { InfrastructureError } from '../domain/errors.js';
import type { BatchHandler, Source } from '../domain/transport.js';
import type { Events } from '../telemetry/events.js';
import { keepAlive } from './heartbeat.js';
import { chunksOf, type UndecodableReason } from './kafka-records.js';
import { deliver } from './redelivery.js';

export interface KafkaSourceOptions {
  /** For messages to people: the client knows them already. */
  readonly brokers: readonly string[];
  readonly inputTopic: string;
  readonly groupId: string;
  /** Records in a batch, at most. */
  readonly chunkSize: number;
  /** Partitions that are worked on at the same time. */
  readonly concurrentPartitions: number;
  /** Bytes a fetch asks a partition for. */
  readonly fetchBytes: number;
  readonly sessionTimeoutMs: number;
}

/** kafkajs sleeps this long when there is nothing to fetch, and `stop` may have to wait for it. */
const maxWaitTimeInMs = 500;

/**
 * Reads the input topic as a member of a consumer group, at least once: what a fetch brings is handed out in chunks,
 * and a chunk's offset is committed when its handler's promise has resolved, never before.
 */
export class KafkaSource implements Source {
  readonly #kafka: Kafka;
  readonly #options: KafkaSourceOptions;
  readonly #events: Events;
  readonly #undecodableReason: UndecodableReason;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #joined = false;
  /** Counts the group's assignments: a chunk of an earlier one may belong to another member now. */
  #generation = 0;

  constructor(
    kafka: Kafka,
    options: KafkaSourceOptions,
    events: Events,
    undecodableReason: UndecodableReason = () => undefined,
  ) {
    this.#kafka = kafka;
    this.#options = options;
    this.#events = events;
    this.#undecodableReason = undecodableReason;
  }

  /** Whether this process is a member of the group, be it without a partition. */
  get joined(): boolean {
    return this.#joined;
  }

  run(handle: BatchHandler): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#running = this.#consume(handle);
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running.catch(() => undefined);
  }

  async #consume(handle: BatchHandler): Promise<void> {
    const { inputTopic, groupId, sessionTimeoutMs, fetchBytes, concurrentPartitions } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.#heartbeatMs,
      maxWaitTimeInMs,
      maxBytesPerPartition: fetchBytes,
      maxBytes: fetchBytes * concurrentPartitions,
      allowAutoTopicCreation: false,
    });
    const start = async (): Promise<void> => {
      await consumer.connect();
      await consumer.subscribe({ topics: [inputTopic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrentPartitions,
        eachBatch: (payload) => this.#consumeFetch(payload, handle),
      });
    };
    try {
      await Promise.all([this.#untilEnd(consumer), start()]);
    } catch (error) {
      throw this.#explained(error);
    } finally {
      this.#joined = false;
      await consumer.disconnect().catch((error: unknown) => {
        this.#events.brokerTrouble('the consumer could not leave its group', error);
      });
    }
  }

  /** Resolves when `stop` is called, rejects when kafkajs gives up: otherwise the process would live on and do nothing. */
  #untilEnd(consumer: Consumer): Promise<void> {
    const { GROUP_JOIN, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#generation += 1;
      this.#joined = true;
      this.#events.partitionsAssigned(payload.memberAssignment);
    });
    return new Promise((resolve, reject) => {
      this.#stopping.signal.addEventListener('abort', () => {
        resolve();
      });
      consumer.on(CRASH, ({ payload: { error, restart } }) => {
        this.#joined = false;
        if (restart) this.#events.brokerTrouble('the consumer lost its brokers and starts again', error);
        else reject(error);
      });
    });
  }

  get #heartbeatMs(): number {
    return Math.min(3_000, Math.floor(this.#options.sessionTimeoutMs / 6));
  }

  async #consumeFetch(payload: EachBatchPayload, handle: BatchHandler): Promise<void> {
    const { batch, resolveOffset, commitOffsetsIfNecessary } = payload;
    const { topic, partition } = batch;
    const generation = this.#generation;
    const lag = this.#lagOf(batch, generation);
    const heartbeat = keepAlive(() => {
      lag.measure();
      return payload.heartbeat();
    }, this.#heartbeatMs);
    try {
      lag.measure();
      for (const chunk of chunksOf(batch, this.#options.chunkSize, this.#undecodableReason)) {
        const delivered = await deliver(chunk, handle, {
          attempts: Infinity,
          stopping: this.#stopping.signal,
          lost: heartbeat.lost,
          failed: (error) => {
            this.#events.batchFailed(chunk, error);
            lag.measure();
          },
        });
        if (!delivered) return;
        if (this.#generation !== generation) return;
        resolveOffset(chunk.lastOffset.toString());
        const nextOffset = chunk.lastOffset + 1n;
        // Even where the membership is in doubt: the broker refuses a commit of members it no longer knows.
        await commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition, offset: nextOffset.toString() }] }],
        });
        this.#events.offsetsCommitted(topic, partition, nextOffset);
        lag.done(nextOffset);
        heartbeat.lost.throwIfAborted();
      }
    } finally {
      heartbeat.stop();
    }
  }

  /** How far a partition is behind, as far as the last fetch tells; the age of what waits grows by itself. */
  #lagOf({ topic, partition, messages, highWatermark }: Batch, generation: number) {
    let next = BigInt(messages[0]?.offset ?? highWatermark);
    const measure = (): void => {
      // The partition may be another member's by now.
      if (this.#generation !== generation) return;
      const records = Math.max(0, Number(BigInt(highWatermark) - next));
      // Of records beyond the fetch no time is known yet, only that they are no older than the fetch's last.
      const oldest = messages.find(({ offset }) => BigInt(offset) >= next) ?? messages.at(-1);
      const age = records === 0 || oldest === undefined ? 0 : Date.now() - Number(oldest.timestamp);
      this.#events.lagMeasured(topic, partition, records, Math.max(0, age) / 1_000);
    };
    return {
      measure,
      /** Everything before this offset is done. */
      done(nextOffset: bigint): void {
        next = nextOffset;
        measure();
      },
    };
  }

  #explained(error: unknown): InfrastructureError {
    const { inputTopic, brokers } = this.#options;
    const { message, type } = error as { message: string; type?: string };
    return new InfrastructureError(
      type === 'UNKNOWN_TOPIC_OR_PARTITION'
        ? `there is no topic "${inputTopic}" on ${brokers.join(', ')}: create it, or name another`
        : `the input topic "${inputTopic}" cannot be read from ${brokers.join(', ')}: ${message}`,
      { cause: error },
    );
  }
}
