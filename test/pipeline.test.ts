import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GivenUpError } from '../src/domain/errors.js';
import type { Outcome, ResultBatch } from '../src/domain/outcome.js';
import type { ConsumedBatch, ConsumedRecord } from '../src/domain/record.js';
import type { Sink, Turn } from '../src/domain/transport.js';
import { createLoneTagging, createPipeline, type AcquireSteps, type Steps } from '../src/pipeline.js';
import { createEvents } from '../src/telemetry/events.js';
import { createLogger } from '../src/telemetry/logger.js';
import { createMetrics } from '../src/telemetry/metrics.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function batchOf(count: number): ConsumedBatch {
  const records = Array.from({ length: count }, (_, index): ConsumedRecord => {
    const position = { topic: 'posts', partition: 1, offset: BigInt(100 + index) };
    return { position, key: null, value: Buffer.from(String(index)), headers: {}, timestamp: 0 };
  });
  const covered = { firstOffset: 98n, lastOffset: BigInt(100 + count) };
  return { topic: 'posts', partition: 1, generation: 3, records, ...covered };
}

/** Steps whose work takes as long as `pauses` says, and that reject every record divisible by `rejectEvery`. */
function stepsThat(pauses: readonly number[], rejectEvery: number): Steps & { mostAtOnce(): number } {
  let atOnce = 0;
  let most = 0;
  const slowly = async (id: string): Promise<void> => {
    most = Math.max(most, (atOnce += 1));
    await pause(pauses[Number(id) % pauses.length] ?? 0);
    atOnce -= 1;
  };
  return {
    mostAtOnce: () => most,
    decodeRecord(raw) {
      const id = String(raw.value);
      const { position } = raw;
      if (Number(id) % rejectEvery === 0)
        return { kind: 'dead-letter', position, reason: 'empty', detail: '', raw };
      return { position, value: { post: { id, text: id, images: [] }, cleanText: id } };
    },
    async loadImages({ id }) {
      await slowly(id);
      return [{ kind: 'absent', reason: 'none' }];
    },
    analyzeImage: (_, image) => Promise.resolve({ image, entities: [] }),
    async predictKeyphrases({ post: { id } }) {
      await pause(pauses[(Number(id) + 1) % pauses.length] ?? 0);
      const model = { name: 'm', version: '1' };
      const result = { id, keyphrases: [], image: { used: false }, entities: [], model };
      return { image: { kind: 'absent', reason: 'none' }, result };
    },
  };
}

function sinkInto(written: ResultBatch[]): Sink {
  return {
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    refuses: () => undefined,
    write(batch) {
      written.push(batch);
      return Promise.resolve();
    },
  };
}

/** Lends these steps. */
const lending =
  (steps: Steps): AcquireSteps =>
  () => ({ steps, release: () => undefined });

/** The turn of a batch that has none before it, and that is waited for. */
const firstTurn: Turn = { after: Promise.resolve(), signal: new AbortController().signal };

const quiet = () => {
  const metrics = createMetrics();
  return { metrics, events: createEvents(createLogger('silent'), metrics) };
};

describe('the pipeline', () => {
  it('gives every record one outcome, in the order of the input, however long each step takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 6 }),
        async (count, pauses, rejectEvery, bound) => {
          const written: ResultBatch[] = [];
          const steps = stepsThat(pauses, rejectEvery);
          const handle = createPipeline(
            lending(steps),
            { images: bound, inference: bound },
            sinkInto(written),
            quiet().events,
            () => undefined,
          );
          const batch = batchOf(count);
          await handle(batch, firstTurn);
          expect(written).toHaveLength(1);
          expect(written[0]?.outcomes.map(({ position }) => position)).toEqual(
            batch.records.map(({ position }) => position),
          );
          expect(written[0]?.outcomes.map(({ kind }) => kind)).toEqual(
            batch.records.map((_, index) => (index % rejectEvery === 0 ? 'dead-letter' : 'tagged')),
          );
          expect(steps.mostAtOnce()).toBeLessThanOrEqual(bound);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('commits past the end of the batch, control records included', async () => {
    const written: ResultBatch[] = [];
    const handle = createPipeline(
      lending(stepsThat([0], 99)),
      { images: 1, inference: 1 },
      sinkInto(written),
      quiet().events,
      () => undefined,
    );
    await handle(batchOf(2), firstTurn);
    expect(written[0]).toMatchObject({ topic: 'posts', partition: 1, nextOffset: 103n });
  });

  it('sends a dead letter in the place of a result that the output would never take, and publishes it so', async () => {
    const written: ResultBatch[] = [];
    const published: (readonly Outcome[])[] = [];
    const batch = batchOf(3);
    const sink: Sink = {
      ...sinkInto(written),
      refuses: ({ position }) => (position.offset === 101n ? 'too much of it' : undefined),
    };
    const handle = createPipeline(
      lending(stepsThat([0], 99)),
      { images: 1, inference: 1 },
      sink,
      quiet().events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await handle(batch, firstTurn);
    expect(written[0]?.outcomes[1]).toEqual({
      kind: 'dead-letter',
      position: batch.records[1]?.position,
      reason: 'result_too_large',
      detail: 'too much of it',
      raw: batch.records[1],
    });
    expect(written[0]?.outcomes.map(({ kind }) => kind)).toEqual(['dead-letter', 'dead-letter', 'tagged']);
    expect(published).toEqual(written.map(({ outcomes }) => outcomes));
  });

  it('rejects and publishes nothing when the model fails, and leaves no post in flight', async () => {
    const written: ResultBatch[] = [];
    const published: (readonly Outcome[])[] = [];
    const { metrics, events } = quiet();
    const steps = {
      ...stepsThat([0], 99),
      predictKeyphrases: () => Promise.reject(new Error('the worker died')),
    };
    const handle = createPipeline(
      lending(steps),
      { images: 2, inference: 2 },
      sinkInto(written),
      events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await expect(handle(batchOf(5), firstTurn)).rejects.toThrow('the worker died');
    expect(written).toEqual([]);
    expect(published).toEqual([]);
    expect((await metrics.postsInFlight.get()).values[0]?.value).toBe(0);
  });

  it('publishes only what the sink has taken', async () => {
    const published: (readonly Outcome[])[] = [];
    const sink = { ...sinkInto([]), write: () => Promise.reject(new Error('the disk is full')) };
    const handle = createPipeline(
      lending(stepsThat([0], 2)),
      { images: 2, inference: 2 },
      sink,
      quiet().events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await expect(handle(batchOf(3), firstTurn)).rejects.toThrow('the disk is full');
    expect(published).toEqual([]);
  });
});

/** A promise with what settles it. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe('batches of one partition', () => {
  it('are tagged side by side and written in their turn, however long each takes', async () => {
    const [held, firstIsOut] = [deferred(), deferred()];
    const [first, second] = [batchOf(2), { ...batchOf(3), firstOffset: 200n, lastOffset: 202n }];
    const plain = stepsThat([0], 99);
    const predicted: string[] = [];
    const written: ResultBatch[] = [];
    const published: ConsumedBatch[] = [];
    const { metrics, events } = quiet();
    let batches = 0;
    const handle = createPipeline(
      () => {
        const batch = ++batches;
        const predictKeyphrases: Steps['predictKeyphrases'] = async (post) => {
          if (batch === 1) await held.promise;
          predicted.push(`${post.post.id} of batch ${batch}`);
          return plain.predictKeyphrases(post);
        };
        return { steps: { ...plain, predictKeyphrases }, release: () => undefined };
      },
      { images: 2, inference: 2 },
      sinkInto(written),
      events,
      (batch) => published.push(batch),
    );
    const inFlight = async () => (await metrics.postsInFlight.get()).values[0]?.value;

    const one = handle(first, firstTurn).then(firstIsOut.resolve);
    const two = handle(second, { ...firstTurn, after: firstIsOut.promise });
    // The record 0 of each batch is a dead letter.
    await expect.poll(() => predicted).toEqual(['1 of batch 2', '2 of batch 2']);
    await pause(5);
    expect(written).toEqual([]);
    expect(await inFlight()).toBe(5);

    held.resolve();
    await Promise.all([one, two]);
    expect(predicted.slice(2)).toEqual(['1 of batch 1']);
    expect(written.map(({ firstOffset }) => firstOffset)).toEqual([98n, 200n]);
    expect(published).toEqual([first, second]);
    expect(await inFlight()).toBe(0);
  });

  it('end at once when they are given up, though a photo hangs, and are not written', async () => {
    const given = new AbortController();
    const reason = new Error('nobody waits');
    const written: ResultBatch[] = [];
    const published: unknown[] = [];
    const signals: (AbortSignal | undefined)[] = [];
    const plain = stepsThat([0], 99);
    let released = 0;
    const steps: Steps = {
      ...plain,
      loadImages: (post) => (post.id === '3' ? new Promise(() => undefined) : plain.loadImages(post)),
      predictKeyphrases(_, signal) {
        signals.push(signal);
        return new Promise((_resolve, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason as Error)),
        );
      },
    };
    const { metrics, events } = quiet();
    const handle = createPipeline(
      () => ({ steps, release: () => (released += 1) }),
      { images: 4, inference: 4 },
      sinkInto(written),
      events,
      (batch) => published.push(batch),
    );
    let end: unknown;
    const run = handle(batchOf(4), { after: Promise.resolve(), signal: given.signal }).catch(
      (error: unknown) => (end = error),
    );
    await expect.poll(() => signals).toHaveLength(2);
    await pause(5);
    expect(end).toBeUndefined();

    given.abort(reason);
    await run;
    expect(end).toBe(reason);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
    expect([written, published, released]).toEqual([[], [], 1]);
    expect((await metrics.postsInFlight.get()).values[0]?.value).toBe(0);
  });

  it('are not begun when they are given up before, nor written where one before them never is', async () => {
    const written: ResultBatch[] = [];
    const handle = createPipeline(
      lending(stepsThat([0], 99)),
      { images: 2, inference: 2 },
      sinkInto(written),
      quiet().events,
      () => undefined,
    );
    const signal = AbortSignal.abort(new Error('nobody waits'));
    await expect(handle(batchOf(3), { ...firstTurn, signal })).rejects.toThrow('nobody waits');
    const after = Promise.reject(new GivenUpError());
    after.catch(() => undefined);
    await expect(handle(batchOf(3), { ...firstTurn, after })).rejects.toThrow(GivenUpError);
    expect(written).toEqual([]);
  });

  it('are each tagged by one model, which is held until they are tagged and not until they are written', async () => {
    const written: ResultBatch[] = [];
    const course: string[] = [];
    const mayWrite = deferred();
    let models = 0;
    const handle = createPipeline(
      () => {
        const version = String(++models);
        const plain = stepsThat([1], 99);
        return {
          steps: {
            ...plain,
            async predictKeyphrases(post) {
              const { image, result } = await plain.predictKeyphrases(post);
              return { image, result: { ...result, model: { name: 'm', version } } };
            },
          },
          release: () => course.push(`released ${version}`),
        };
      },
      { images: 2, inference: 2 },
      sinkInto(written),
      quiet().events,
      () => course.push('published'),
    );
    const runs = [
      handle(batchOf(6), { ...firstTurn, after: mayWrite.promise }),
      handle(batchOf(6), { ...firstTurn, after: mayWrite.promise }),
    ];
    await expect.poll(() => course.toSorted()).toEqual(['released 1', 'released 2']);
    mayWrite.resolve();
    await Promise.all(runs);
    expect(course.slice(2)).toEqual(['published', 'published']);
    const versions = written.map(({ outcomes }) =>
      outcomes.flatMap((outcome) => (outcome.kind === 'tagged' ? [outcome.result.model.version] : [])),
    );
    expect(versions.sort()).toEqual([Array(5).fill('1'), Array(5).fill('2')]);
  });
});

describe('a record that is tagged alone', () => {
  it('goes through the same steps as one of the stream, with the same outcome', async () => {
    const steps = stepsThat([0], 3);
    const events = createEvents(createLogger('silent'), createMetrics());
    const written: ResultBatch[] = [];
    const bounds = { images: 2, inference: 2 };
    const batch = batchOf(6);
    await createPipeline(
      lending(steps),
      bounds,
      sinkInto(written),
      events,
      () => undefined,
    )(batch, firstTurn);
    const alone = createLoneTagging(lending(steps), events);
    const outcomes = await Promise.all(batch.records.map(alone));
    expect(outcomes).toEqual(written[0]?.outcomes);
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['dead-letter', 'tagged']));
    expect(written).toHaveLength(1);
  });
});
