import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome, ResultBatch } from '../src/domain/outcome.js';
import type { ConsumedBatch, ConsumedRecord } from '../src/domain/record.js';
import type { Sink } from '../src/domain/transport.js';
import { createLoneTagging, createPipeline, type Steps } from '../src/pipeline.js';
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
            steps,
            { images: bound, inference: bound },
            sinkInto(written),
            quiet().events,
            () => undefined,
          );
          const batch = batchOf(count);
          await handle(batch);
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
      stepsThat([0], 99),
      { images: 1, inference: 1 },
      sinkInto(written),
      quiet().events,
      () => undefined,
    );
    await handle(batchOf(2));
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
      stepsThat([0], 99),
      { images: 1, inference: 1 },
      sink,
      quiet().events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await handle(batch);
    expect(written[0]?.outcomes[1]).toEqual({
      kind: 'dead-letter',
      position: batch.records[1]?.position,
      code: 'result_too_large',
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
      steps,
      { images: 2, inference: 2 },
      sinkInto(written),
      events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await expect(handle(batchOf(5))).rejects.toThrow('the worker died');
    expect(written).toEqual([]);
    expect(published).toEqual([]);
    expect((await metrics.postsInFlight.get()).values[0]?.value).toBe(0);
  });

  it('publishes only what the sink has taken', async () => {
    const published: (readonly Outcome[])[] = [];
    const sink = { ...sinkInto([]), write: () => Promise.reject(new Error('the disk is full')) };
    const handle = createPipeline(
      stepsThat([0], 2),
      { images: 2, inference: 2 },
      sink,
      quiet().events,
      (_, outcomes) => {
        published.push(outcomes);
      },
    );
    await expect(handle(batchOf(3))).rejects.toThrow('the disk is full');
    expect(published).toEqual([]);
  });
});

describe('a record that is tagged alone', () => {
  it('goes through the same steps as one of the stream, with the same outcome', async () => {
    const steps = stepsThat([0], 3);
    const events = createEvents(createLogger('silent'), createMetrics());
    const written: ResultBatch[] = [];
    const bounds = { images: 2, inference: 2 };
    const batch = batchOf(6);
    await createPipeline(steps, bounds, sinkInto(written), events, () => undefined)(batch);
    const alone = createLoneTagging(steps, events);
    const outcomes = await Promise.all(batch.records.map(alone));
    expect(outcomes).toEqual(written[0]?.outcomes);
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['dead-letter', 'tagged']));
    expect(written).toHaveLength(1);
  });
});
