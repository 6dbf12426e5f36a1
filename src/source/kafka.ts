import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { InfrastructureError, FencedError, OffsetMismatchError, topicsMissing } from '../domain/errors.js';
import type { BatchHandler, Source } from '../domain/transport.js';
import type { Events } from '../telemetry/events.js';
import { keepAlive } from '../kafka/heartbeat.js';
import { chunksOf, fetchedOffset } from '../kafka/consumed-records.js';
import { lagOf } from '../kafka/lag.js';
import { isOutage } from '../kafka/outage.js';
import { deliverInOrder } from './deliver-in-order.js';
import { backOff } from './redelivery.js';

export interface KafkaSourceOptions {
  /** For messages to people: the client knows them already. */
  readonly brokers: readonly string[];
  readonly inputTopic: string;
  readonly groupId: string;
  /** Records in a batch, at most. */
  readonly chunkSize: number;
  /** Chunks of a partition that are under way at the same time. */
  readonly concurrentChunks: number;
  /** Partitions that are worked on at the same time. */
  readonly concurrentPartitions: number;
  /** Bytes a fetch asks a partition for. */
  readonly fetchBytes: number;
  readonly sessionTimeoutMs: number;
  /** With `exactly-once` the sink commits the offsets, together with what it writes. */
  readonly delivery: 'at-least-once' | 'exactly-once';
}

/** kafkajs sleeps this long when there is nothing to fetch, and `stop` may have to wait for it. */
const maxWaitTimeInMs = 500;

/** Milliseconds after which the input topic's partitions are asked for anew, so that added ones are read. */
const metadataMaxAge = 10_000;

/**
 * Reads the input topic as a member of a consumer group: what a fetch brings is handed out in chunks, and a chunk is
 * done when its handler's promise has resolved, never before. Only then, with at-least-once delivery, its offset is
 * committed here.
 */
export class KafkaSource implements Source {
  readonly #kafka: Kafka;
  readonly #options: KafkaSourceOptions;
  readonly #events: Events;
  readonly #stopping = new AbortController();
  readonly #fenced = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Whether the brokers were reached once. */
  #connected = false;
  #joined = false;
  /** Counts the group's assignments: a chunk of an earlier one may belong to another member now. */
  #generation = 0;
  /** Where the next chunk of a partition begins, where that is known: not of what was assigned just now. */
  readonly #nextOffsets = new Map<number, bigint>();
  /** Partitions whose chunk failed and is to be handed out again. */
  readonly #failing = new Set<number>();

  constructor(kafka: Kafka, options: KafkaSourceOptions, events: Events) {
    this.#kafka = kafka;
    this.#options = options;
    this.#events = events;
  }

  /** Whether this process is a member of the group, be it without a partition, and its chunks come to an end. */
  get ready(): boolean {
    return this.#joined && this.#failing.size === 0;
  }

  run(handle: BatchHandler): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#running = this.#consume(handle);
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running.catch(() => undefined);
  }

  /** Begins anew after an outage, unless the brokers could never be reached: then a setting may be wrong. */
  async #consume(handle: BatchHandler): Promise<void> {
    const { signal } = this.#stopping;
    for (let wait: number = backOff.first; !signal.aborted; wait = Math.min(2 * wait, backOff.most)) {
      const generation = this.#generation;
      try {
        return await this.#consumeUntilOutage(handle);
      } catch (error) {
        if (error instanceof InfrastructureError) throw error;
        if (!this.#connected || !isOutage(error)) throw this.#explained(error);
        this.#events.brokerTrouble('the consumer lost its brokers and starts again', error);
      }
      if (this.#generation !== generation) wait = backOff.first;
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  async #consumeUntilOutage(handle: BatchHandler): Promise<void> {
    const { inputTopic, groupId, sessionTimeoutMs, fetchBytes, concurrentPartitions } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.#heartbeatMs,
      maxWaitTimeInMs,
      maxBytesPerPartition: fetchBytes,
      maxBytes: fetchBytes * concurrentPartitions,
      metadataMaxAge,
      allowAutoTopicCreation: false,
    });
    const start = async (): Promise<void> => {
      await consumer.connect();
      this.#connected = true;
      await consumer.subscribe({ topics: [inputTopic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrentPartitions,
        eachBatch: (payload) => this.#consumeFetch(consumer, payload, handle),
      });
    };
    const over = new AbortController();
    try {
      await Promise.all([this.#untilEnd(consumer, over.signal), start()]);
    } finally {
      over.abort();
      this.#joined = false;
      await consumer.disconnect().catch((error: unknown) => {
        this.#events.brokerTrouble('the consumer could not leave its group', error);
      });
    }
  }

  /**
   * Resolves when `stop` is called, rejects when kafkajs gives up: otherwise the process would live on and do nothing.
   *
   * @param over aborted when nobody waits any more
   */
  #untilEnd(consumer: Consumer, over: AbortSignal): Promise<void> {
    const { GROUP_JOIN, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#generation += 1;
      this.#joined = true;
      this.#nextOffsets.clear();
      this.#failing.clear();
      this.#events.partitionsAssigned(payload.memberAssignment);
    });
    return new Promise((resolve, reject) => {
      const once = { once: true, signal: over };
      this.#stopping.signal.addEventListener('abort', () => resolve(), once);
      const lose = (): void => reject(this.#fenced.signal.reason as FencedError);
      this.#fenced.signal.addEventListener('abort', lose, once);
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

  async #consumeFetch(consumer: Consumer, payload: EachBatchPayload, handle: BatchHandler): Promise<void> {
    const { batch } = payload;
    const { topic, partition } = batch;
    const generation = this.#generation;
    let next = this.#nextOffsets.get(partition) ?? fetchedOffset(batch);
    const measureLag = (): void => {
      // The partition may be another member's by now.
      if (this.#generation === generation) this.#events.lagMeasured(topic, partition, ...lagOf(batch, next));
    };
    const heartbeat = keepAlive(() => {
      measureLag();
      return payload.heartbeat();
    }, this.#heartbeatMs);
    try {
      measureLag();
      const { chunkSize, concurrentChunks } = this.#options;
      const failing = new Set<bigint>();
      await deliverInOrder(chunksOf(batch, generation, next, chunkSize), handle, {
        window: concurrentChunks,
        attempts: Infinity,
        stopping: this.#stopping.signal,
        stillOurs: async () => {
          heartbeat.lost.throwIfAborted();
          await payload.heartbeat();
        },
        failed: (chunk, error) => {
          failing.add(chunk.firstOffset);
          if (this.#generation === generation) this.#failing.add(partition);
          this.#events.batchFailed(chunk, error);
          measureLag();
        },
        delivered: async (chunk) => {
          if (this.#generation !== generation) return false;
          failing.delete(chunk.firstOffset);
          if (failing.size === 0) this.#failing.delete(partition);
          next = chunk.lastOffset + 1n;
          this.#nextOffsets.set(partition, next);
          payload.resolveOffset(chunk.lastOffset.toString());
          await this.#commit(payload, next);
          this.#events.offsetsCommitted(topic, partition, next);
          measureLag();
          heartbeat.lost.throwIfAborted();
          return true;
        },
      });
    } catch (error) {
      // A partition that was assigned anew meanwhile may well have a new owner.
      if (error instanceof FencedError || error instanceof OffsetMismatchError) {
        if (this.#generation === generation) this.#resumeElsewhere(consumer, batch, error);
      } else throw error;
    } finally {
      heartbeat.stop();
    }
  }

  /** With at-least-once delivery; else the sink has done it. Even where the membership is in doubt: the broker refuses a commit of members it no longer knows. */
  async #commit({ batch: { topic, partition }, commitOffsetsIfNecessary }: EachBatchPayload, next: bigint) {
    if (this.#options.delivery === 'exactly-once') return;
    await commitOffsetsIfNecessary({
      topics: [{ topic, partitions: [{ partition, offset: next.toString() }] }],
    });
  }

  #resumeElsewhere(
    consumer: Consumer,
    { topic, partition }: Batch,
    error: FencedError | OffsetMismatchError,
  ): void {
    if (error instanceof FencedError) return this.#fenced.abort(error);
    const { nextOffset } = error;
    this.#events.offsetMoved(topic, partition, nextOffset);
    this.#failing.delete(partition);
    this.#nextOffsets.set(partition, nextOffset);
    consumer.seek({ topic, partition, offset: nextOffset.toString() });
  }

  #explained(error: unknown): InfrastructureError {
    const { inputTopic, brokers } = this.#options;
    const { message, type } = error as { message: string; type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return topicsMissing(brokers, [inputTopic], error);
    return new InfrastructureError(
      `the input topic "${inputTopic}" cannot be read from ${brokers.join(', ')}: ${message}`,
      { cause: error },
    );
  }
}
