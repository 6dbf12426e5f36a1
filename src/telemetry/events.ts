import type { AbsentImage } from '../domain/image.js';
import type { ModelVersion } from '../domain/model-version.js';
import { imageOutcome, type Outcome, type TaggedPost } from '../domain/outcome.js';
import type { Provider } from '../domain/provider.js';
import type { ConsumedBatch, Position } from '../domain/record.js';
import type { Logger } from './logger.js';
import type { Metrics, ModelName, Stage } from './metrics.js';
import { limitRepeats } from './repeats.js';
import { noTracing } from './tracing.js';
import { troubleOf, type Trouble } from './troubles.js';

/** What can happen, one function an event: each writes the log line and moves the metric that belong together. */
export type Events = ReturnType<typeof createEvents>;

export function createEvents(logger: Logger, metrics: Metrics, tracing = noTracing) {
  const limit = limitRepeats();
  let lastTrouble: Trouble | undefined;
  /** A line that can come in floods. */
  const repeated = (level: 'warn' | 'error', kind: string, about: object, message: string): void => {
    const line = limit(kind);
    if (line === undefined) return;
    logger[level](line.leftOut === 0 ? about : { ...about, leftOut: line.leftOut }, message);
  };
  /** An exemplar names the record by its place in the input topic; topic names could exceed an exemplar's 128 characters. */
  const positionOf = (outcome: Outcome) => {
    const { partition, offset } = outcome.position;
    const place = { partition: partition.toString(), offset: offset.toString() };
    const traced = 'trace' in outcome ? /^00-([0-9a-f]{32})-/.exec(outcome.trace['traceparent'] ?? '') : null;
    return traced === null ? place : { ...place, trace_id: String(traced[1]) };
  };
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
    /** @param guarded whether only this machine's users, or those who know the token, can see the page */
    webListening(address: string, guarded: boolean): void {
      logger.info({ address }, 'live page, metrics and health checks are served');
      if (!guarded) logger.warn({ address }, 'whoever can reach the live page sees the posts: set web.token');
    },
    /** @param found what the number of workers was decided by */
    modelLoaded(
      {
        name,
        version,
        provider,
        note,
      }: ModelVersion & { readonly provider: Provider; readonly note?: string },
      found: { readonly workers: number; readonly processors: number; readonly memoryBytes: number },
    ): void {
      // Not spread: the logger has a name as well, and a key that is there twice is another to each reader.
      logger.info(
        { model: { name, version }, provider, ...found, ...(note === undefined ? {} : { note }) },
        'model loaded and warm',
      );
      metrics.modelInfo.reset();
      metrics.modelInfo.set({ name, version }, 1);
      metrics.providerInfo.reset();
      metrics.providerInfo.set({ provider }, 1);
      metrics.inferenceWorkers.set(found.workers);
    },
    modelRan(model: ModelName, size: number, waitSeconds: number, runSeconds: number): void {
      metrics.batchSize.observe({ model }, size);
      metrics.batchWait.observe({ model }, waitSeconds);
      metrics.modelRunDuration.observe({ model }, runSeconds);
    },
    /** Begins to follow the records of a batch through their stages. */
    follow: tracing.follow,
    spansLost(spans: number): void {
      metrics.spansLost.inc(spans);
    },
    tracingTrouble(detail: string): void {
      repeated('warn', 'tracing', { detail }, 'spans cannot be delivered');
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
      metrics.batchFailures.inc();
      lastTrouble = troubleOf('a batch failed and is read again', error);
      repeated(
        'error',
        'batch failed',
        {
          topic: batch.topic,
          partition: batch.partition,
          firstOffset: batch.records[0]?.position.offset.toString(),
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
          return await tracing.stage(stage, () => step(...given));
        } finally {
          end();
        }
      };
    },
    /** An outcome is safely out. `timestamp` is the record's, in milliseconds since the epoch. */
    outcomeOut(outcome: Outcome, timestamp: number): void {
      const seconds = Math.max(0, Date.now() - timestamp) / 1000;
      metrics.postDuration.observe({ value: seconds, exemplarLabels: positionOf(outcome) });
      switch (outcome.kind) {
        case 'tagged':
          return taggedOut(outcome.result);
        case 'tombstone':
          return metrics.tombstones.inc();
        case 'skipped':
          metrics.postsSkipped.inc({ reason: outcome.reason });
          return logger.debug({ ...at(outcome.position), reason: outcome.reason }, 'post skipped');
        case 'dead-letter':
          metrics.postsDeadLettered.inc({ reason: outcome.reason });
          return repeated(
            'warn',
            outcome.reason,
            { ...at(outcome.position), reason: outcome.reason, detail: outcome.detail },
            'record dead-lettered',
          );
      }
    },
    /** Not said of posts that never had an image. */
    imageAbsent(position: Position, { reason, detail }: AbsentImage): void {
      if (reason === 'none') return;
      logger.debug({ ...at(position), reason, detail }, 'image not used: the post is tagged from its text');
    },
    /** A host has failed too often: for a while none of its images is fetched. */
    imageHostPaused(host: string): void {
      metrics.imageHostsPaused.inc();
      logger.info({ host }, 'image host left alone for a while: it fails again and again');
    },
    /** What the caches of images do. */
    imageCache: {
      looked(cache: string, result: string): void {
        metrics.imageCacheLookups.inc({ cache, result });
      },
      evicted(cache: string): void {
        metrics.imageCacheEvictions.inc({ cache });
      },
      resized(cache: string, bytes: number): void {
        metrics.imageCacheBytes.set({ cache }, bytes);
      },
    },
    partitionsAssigned(assignment: Readonly<Record<string, readonly number[]>>): void {
      metrics.rebalances.inc();
      metrics.consumerLagRecords.reset();
      metrics.consumerLagSeconds.reset();
      metrics.committedOffset.reset();
      logger.info({ assignment }, 'partitions assigned');
    },
    offsetsCommitted(topic: string, partition: number, nextOffset: bigint): void {
      metrics.lastCommit.setToCurrentTime();
      metrics.committedOffset.set({ topic, partition }, Number(nextOffset));
      logger.debug({ topic, partition, nextOffset: nextOffset.toString() }, 'offsets committed');
    },
    offsetMoved(topic: string, partition: number, nextOffset: bigint): void {
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
      metrics.brokerErrors.inc();
      lastTrouble = troubleOf(what, error);
      repeated('warn', what, { err: error }, what);
    },
    /** What went wrong last beside the data, if anything did. */
    lastTrouble: () => lastTrouble,
  };

  function taggedOut(result: TaggedPost): void {
    metrics.postsTagged.inc();
    metrics.images.inc({ outcome: imageOutcome(result.image) });
    if (result.image.match !== undefined) metrics.imageMatch.observe(result.image.match);
    const [best] = result.keyphrases;
    if (best !== undefined) metrics.bestScore.observe(best.score);
    for (const keyphrase of result.keyphrases) {
      for (const origin of keyphrase.origin) metrics.keyphrases.inc({ origin });
    }
  }
}
