import type { AbsentImage } from '../domain/image.js';
import { imageOutcome, type Outcome, type TaggedPost } from '../domain/outcome.js';
import type { ConsumedBatch, Position } from '../domain/record.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

/** What can happen, one function an event: each writes the log line and moves the metric that belong together. */
export type Events = ReturnType<typeof createEvents>;

/** The models whose runs are measured. */
export type ModelName = 'text' | 'image';

/** The stages of a post's way whose duration is measured. */
export type Stage = 'fetch_image' | 'decode_image' | 'find_entities' | 'predict_keyphrases' | 'write';

export function createEvents(logger: Logger, metrics: Metrics) {
  const at = ({ topic, partition, offset }: Position) => ({ topic, partition, offset: offset.toString() });

  return {
    started(about: Record<string, unknown>): void {
      logger.info(about, 'agent started');
    },
    stopping(why: string): void {
      logger.info({ why }, 'stopping: what is under way is finished first');
    },
    stopped(): void {
      logger.info('agent stopped');
    },
    webListening(address: string): void {
      logger.info({ address }, 'live page, metrics and health checks are served');
    },
    modelLoaded(model: { name: string; version: string }, provider: string, note?: string): void {
      logger.info({ ...model, provider, ...(note === undefined ? {} : { note }) }, 'model loaded and warm');
      metrics.modelInfo.set({ name: model.name, version: model.version }, 1);
      metrics.providerInfo.set({ provider }, 1);
    },
    modelRan(model: ModelName, size: number, waitSeconds: number, runSeconds: number): void {
      metrics.batchSize.observe({ model }, size);
      metrics.batchWait.observe({ model }, waitSeconds);
      metrics.modelRunDuration.observe({ model }, runSeconds);
    },
    batchConsumed(batch: ConsumedBatch): void {
      metrics.postsConsumed.inc(batch.records.length);
      metrics.postsInFlight.inc(batch.records.length);
      logger.debug(
        { topic: batch.topic, partition: batch.partition, records: batch.records.length },
        'batch consumed',
      );
    },
    /** The batch is over, whether its outcomes are out or it will be read again. */
    batchEnded(batch: ConsumedBatch): void {
      metrics.postsInFlight.dec(batch.records.length);
    },
    batchFailed(batch: ConsumedBatch, error: unknown): void {
      logger.error(
        {
          topic: batch.topic,
          partition: batch.partition,
          lastOffset: batch.lastOffset.toString(),
          err: error,
        },
        'batch failed: it is not committed and will be read again',
      );
    },
    /** Wraps a step so that its duration is measured, however it ends. */
    timed<A extends unknown[], R>(stage: Stage, step: (...given: A) => Promise<R>) {
      return async (...given: A): Promise<R> => {
        const end = metrics.stageDuration.startTimer({ stage });
        try {
          return await step(...given);
        } finally {
          end();
        }
      };
    },
    /** An outcome is safely out. `timestamp` is the record's, in milliseconds since the epoch. */
    outcomeOut(outcome: Outcome, timestamp: number): void {
      metrics.postDuration.observe(Math.max(0, Date.now() - timestamp) / 1000);
      switch (outcome.kind) {
        case 'tagged':
          return taggedOut(outcome.result);
        case 'tombstone':
          return metrics.tombstones.inc();
        case 'skipped':
          metrics.postsSkipped.inc({ reason: outcome.reason });
          return logger.debug({ ...at(outcome.position), reason: outcome.reason }, 'post skipped');
        case 'dead-letter':
          metrics.postsDeadLettered.inc({ reason: outcome.code });
          return logger.warn(
            { ...at(outcome.position), reason: outcome.code, detail: outcome.detail },
            'record dead-lettered',
          );
      }
    },
    /** Not said of posts that never had an image. */
    imageAbsent(position: Position, { reason, detail }: AbsentImage): void {
      if (reason === 'none') return;
      logger.debug({ ...at(position), reason, detail }, 'image not used: the post is tagged from its text');
    },
    partitionsAssigned(assignment: Readonly<Record<string, readonly number[]>>): void {
      metrics.rebalances.inc();
      metrics.consumerLagRecords.reset();
      metrics.consumerLagSeconds.reset();
      logger.info({ assignment }, 'partitions assigned');
    },
    offsetsCommitted(topic: string, partition: number, nextOffset: bigint): void {
      metrics.lastCommit.setToCurrentTime();
      logger.debug({ topic, partition, nextOffset: nextOffset.toString() }, 'offsets committed');
    },
    placeMoved(topic: string, partition: number, nextOffset: bigint): void {
      logger.info(
        { topic, partition, nextOffset: nextOffset.toString() },
        'the committed offset is not where the batch began: the partition is read on from it',
      );
    },
    lagMeasured(topic: string, partition: number, records: number, seconds: number): void {
      metrics.consumerLagRecords.set({ topic, partition }, records);
      metrics.consumerLagSeconds.set({ topic, partition }, seconds);
    },
    brokerTrouble(what: string, error: unknown): void {
      logger.warn({ err: error }, what);
    },
  };

  function taggedOut(result: TaggedPost): void {
    metrics.postsTagged.inc();
    metrics.images.inc({ outcome: imageOutcome(result.image) });
    if (result.image.match !== undefined) metrics.imageMatch.observe(result.image.match);
    for (const keyphrase of result.keyphrases) {
      for (const origin of keyphrase.origin) metrics.keyphrases.inc({ origin });
    }
  }
}
