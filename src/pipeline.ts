import {
  from,
  lastValueFrom,
  map,
  mergeMap,
  Observable,
  of,
  raceWith,
  toArray,
  type MonoTypeOperatorFunction,
  type OperatorFunction,
} from 'rxjs';
import type { AnalyzedImage, EnrichedPost } from './domain/entity.js';
import type { Image } from './domain/image.js';
import type { Outcome, ResultBatch, Tagged } from './domain/outcome.js';
import type { CleanPost, Post } from './domain/post.js';
import type { ConsumedBatch, ConsumedRecord, Envelope } from './domain/record.js';
import type { BatchHandler, Sink } from './domain/transport.js';
import type { Events } from './telemetry/events.js';
import type { BatchTrace } from './telemetry/tracing.js';

/** One item in, one item out: the steps of a post's way, in their order. All are of one model. */
export interface Steps {
  /** Bytes to a post, or to the outcome of a record that is none or has nothing to tag. */
  decodeRecord(record: ConsumedRecord): Envelope<CleanPost> | Outcome;
  /** At least one image, or the reason there is none. */
  loadImages(post: Post): Promise<readonly Image[]>;
  analyzeImage(post: Post, image: Image): Promise<AnalyzedImage>;
  /** @param signal aborted when nobody waits for the result any more */
  predictKeyphrases(post: EnrichedPost, signal?: AbortSignal): Promise<Pick<Tagged, 'image' | 'result'>>;
}

/** How many posts of one batch are in a step at the same time. */
export interface Bounds {
  readonly images: number;
  readonly inference: number;
}

/** Lends the steps of the model that is live now. */
export type AcquireSteps = () => { readonly steps: Steps; release(): void };

/**
 * The whole flow. A batch's promise resolves when its outcomes are safely out, and rejects when anything but the
 * data failed: then the source reads the batch again. Batches of a partition are tagged side by side, each by one model,
 * and written in their turn.
 *
 * @param published is told of a batch whose outcomes are out
 */
export function createPipeline(
  acquire: AcquireSteps,
  bounds: Bounds,
  sink: Sink,
  events: Events,
  published: (batch: ConsumedBatch, outcomes: readonly Outcome[]) => void,
): BatchHandler {
  const write = events.timed('write', (results: ResultBatch) => sink.write(results));

  /** Every record's outcome, in the order of the input. */
  function tag(
    batch: ConsumedBatch,
    steps: Steps,
    trace: BatchTrace,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const { load, analyze, predict } = stagesOf(steps, events);
    return lastValueFrom(
      from(batch.records).pipe(
        map((record) => trace.within(record.position, () => steps.decodeRecord(record))),
        undecided(bounds.images, trace, load),
        undecided(bounds.inference, trace, analyze),
        undecided(bounds.inference, trace, (post) => predict(post, signal)),
        toArray(),
        map((all) => all.sort((a, b) => (a.position.offset < b.position.offset ? -1 : 1))),
        // Each record has one outcome, so in the order of the input they stand side by side.
        map((all) =>
          all.map((outcome, index) => sendable(trace.withTrace(outcome), batch.records[index], sink)),
        ),
        failedBy(signal),
      ),
    );
  }

  return async (batch, { after, signal }) => {
    events.batchConsumed(batch);
    const trace = events.follow(batch);
    const { steps, release } = acquire();
    try {
      const outcomes = await tag(batch, steps, trace, signal).finally(release);
      await after;
      const { topic, partition, generation, firstOffset, lastOffset } = batch;
      const results = { topic, partition, generation, outcomes, firstOffset, nextOffset: lastOffset + 1n };
      await trace.write(() => write(results));
      published(batch, outcomes);
      trace.end(outcomes);
    } catch (error) {
      trace.fail(error);
      throw error;
    } finally {
      events.batchEnded(batch);
    }
  };
}

/** Takes one record through the same stages by itself, beside the stream: what comes of it is written nowhere. */
export function createLoneTagging(
  acquire: AcquireSteps,
  events: Events,
): (record: ConsumedRecord) => Promise<Outcome> {
  return async (record) => {
    const { steps, release } = acquire();
    try {
      const { load, analyze, predict } = stagesOf(steps, events);
      const decoded = steps.decodeRecord(record);
      return 'kind' in decoded ? decoded : await predict(await analyze(await load(decoded)));
    } finally {
      release();
    }
  };
}

/** What follows the decoding of a record, from post to outcome. */
function stagesOf(steps: Steps, events: Events) {
  return {
    async load({ position, value }: Envelope<CleanPost>): Promise<Envelope<LoadedPost>> {
      const images = await steps.loadImages(value.post);
      for (const image of images) if (image.kind === 'absent') events.imageAbsent(position, image);
      return { position, value: { ...value, images } };
    },
    async analyze({ position, value }: Envelope<LoadedPost>): Promise<Envelope<EnrichedPost>> {
      const { post, cleanText, images } = value;
      const analyzedImages = await Promise.all(images.map((image) => steps.analyzeImage(post, image)));
      return { position, value: { post, cleanText, analyzedImages } };
    },
    async predict({ position, value }: Envelope<EnrichedPost>, signal?: AbortSignal): Promise<Outcome> {
      const { post, cleanText } = value;
      const tagged = await steps.predictKeyphrases(value, signal);
      return { kind: 'tagged', position, post: { post, cleanText }, ...tagged };
    },
  };
}

interface LoadedPost extends CleanPost {
  readonly images: readonly Image[];
}

/** The outcome, or a dead letter in its place where the output would never take it. */
function sendable(outcome: Outcome, raw: ConsumedRecord | undefined, sink: Sink): Outcome {
  const detail = sink.refuses(outcome);
  if (detail === undefined || raw === undefined) return outcome;
  return { kind: 'dead-letter', position: outcome.position, reason: 'result_too_large', detail, raw };
}

/** Takes each post one step on, at most `bound` at a time; outcomes that stand already pass by. */
function undecided<A, B extends Envelope<unknown> | Outcome>(
  bound: number,
  trace: BatchTrace,
  step: (envelope: Envelope<A>) => Promise<B>,
): OperatorFunction<Envelope<A> | Outcome, B | Outcome> {
  return mergeMap(
    (item) => ('kind' in item ? of(item) : from(trace.within(item.position, () => step(item)))),
    bound,
  );
}

/** Fails, with the signal's reason, as soon as that is aborted: a fetch or a run that is slow is not waited for. */
function failedBy<T>(signal: AbortSignal): MonoTypeOperatorFunction<T> {
  const aborted = new Observable<never>((subscriber) => {
    const fail = (): void => subscriber.error(signal.reason);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
    return () => signal.removeEventListener('abort', fail);
  });
  return raceWith(aborted);
}
