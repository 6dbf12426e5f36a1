import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sink, Source } from '../src/domain/transport.js';
import { describeWithKafka } from './support/kafka.js';
import { echo, kafkaTransport, ndjsonTransport, runUntil, type Transport } from './support/transport.js';

describe('The NDJSON transport', () => {
  contract(() => Promise.resolve(ndjsonTransport()), { goesOnWhereItStopped: false, ends: true, runs: 100 });
});

for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  describeWithKafka(`The Kafka transport, ${delivery}`, (broker) => {
    const open = () => kafkaTransport(broker, 1, {}, delivery);
    contract(open, { goesOnWhereItStopped: true, ends: false, runs: 4 });
  });
}

/** What every transport owes the pipeline. Where they differ, the difference is a parameter. */
function contract(
  open: () => Promise<Transport>,
  about: {
    /** Whether a second run starts behind what the first had finished: a file is read from its beginning again. */
    readonly goesOnWhereItStopped: boolean;
    /** Whether the input has an end. */
    readonly ends: boolean;
    /** Of each property. */
    readonly runs: number;
  },
): void {
  const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `post-${index}`);

  async function opened(sink: Sink): Promise<Sink> {
    await sink.open();
    return sink;
  }

  test('gives out every record once and in order, whatever the size of its batches and however many are under way', async () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 300 }),
      chunkSize: fc.integer({ min: 1, max: 80 }),
      concurrentChunks: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ count, chunkSize, concurrentChunks }) => {
        const transport = await open();
        await transport.feed(ids(count));
        const sink = await opened(transport.sink());
        const batchSizes: number[] = [];

        await runUntil(transport.source(chunkSize, { concurrentChunks }), count, async (batch, turn) => {
          batchSizes.push(batch.records.length);
          await echo(sink)(batch, turn);
        });
        await sink.close();

        expect(await transport.resultIds()).toEqual(ids(count));
        expect(Math.max(...batchSizes)).toBeLessThanOrEqual(chunkSize);
      }),
      { numRuns: about.runs },
    );
  });

  test('hands a batch out again when its handler rejects, and loses nothing', async () => {
    const transport = await open();
    await transport.feed(ids(50));
    const sink = await opened(transport.sink());
    const failing = new Set(['post-0', 'post-27', 'post-49']);

    await runUntil(transport.source(10, { concurrentChunks: 3 }), 50, async (batch, turn) => {
      for (const { value } of batch.records) {
        if (failing.delete(String(value))) throw new Error(`no luck with ${String(value)}`);
      }
      await echo(sink)(batch, turn);
    });
    await sink.close();

    expect(failing.size).toBe(0);
    expect(await transport.resultIds()).toEqual(ids(50));
  });

  test.for([1, 3])(
    'hands out as many batches of a partition as it may, here %i, and no further one before the first has come back',
    async (concurrentChunks) => {
      const transport = await open();
      await transport.feed(ids(40));
      let underWay = 0;
      const highest: number[] = [];
      const handedOut: string[] = [];

      await runUntil(transport.source(5, { concurrentChunks }), 40, async ({ records }, { after }) => {
        handedOut.push(...records.map(({ value }) => String(value)));
        highest.push(++underWay);
        await new Promise(setImmediate);
        await after;
        underWay -= 1;
      });

      expect(Math.max(...highest)).toBe(concurrentChunks);
      expect(handedOut).toEqual(ids(40));
    },
  );

  test.for([1, 3])(
    'finishes what is under way when it is stopped, and a second run gives out the rest, with %i batches at a time',
    async (concurrentChunks) => {
      const transport = await open();
      await transport.feed(ids(60));
      const sink = await opened(transport.sink());
      const source = transport.source(10, { concurrentChunks });
      let stopping: Promise<void> | undefined;
      const batchSizes: number[] = [];
      let begin: () => void = () => undefined;
      const allAreUnderWay = new Promise<void>((resolve) => (begin = resolve));

      await source.run(async (batch, turn) => {
        batchSizes.push(batch.records.length);
        if (batchSizes.length === concurrentChunks) begin();
        await allAreUnderWay;
        if (batchSizes.length === 3) stopping ??= source.stop();
        await new Promise(setImmediate);
        await echo(sink)(batch, turn);
      });
      await stopping;

      const firstRun = await transport.resultIds();
      // The first batch under way is finished, those behind it are left for the next run.
      const finished = concurrentChunks === 1 ? batchSizes : batchSizes.slice(0, 1);
      expect(batchSizes).toHaveLength(3);
      expect(firstRun).toHaveLength(finished.reduce((sum, size) => sum + size, 0));
      expect(firstRun.length).toBeLessThan(60);
      expect(firstRun).toEqual(ids(firstRun.length));

      const rest = about.goesOnWhereItStopped ? ids(60).slice(firstRun.length) : ids(60);
      await runUntil(transport.source(10), rest.length, echo(sink));
      await sink.close();
      expect(await transport.resultIds()).toEqual([...firstRun, ...rest]);
    },
  );

  test('sets records aside that are no posts, and goes on', async () => {
    const transport = await open();
    await transport.feed(['post-0', '!bad', 'post-1', '!worse']);
    const sink = await opened(transport.sink());

    await runUntil(transport.source(10), 4, echo(sink));
    await sink.close();

    expect(await transport.resultIds()).toEqual(['post-0', 'post-1']);
    expect(await transport.deadLetterCodes()).toEqual(['not_json', 'not_json']);
  });

  test(about.ends ? 'ends with an empty input' : 'waits at an empty input until it is stopped', async () => {
    const transport = await open();
    await transport.feed([]);
    const source: Source = transport.source(10);

    const run = source.run(() => Promise.reject(new Error('there was nothing to hand out')));
    if (!about.ends) await source.stop();

    await expect(run).resolves.toBeUndefined();
  });

  test('ends at once when it was stopped before it ran', async () => {
    const transport = await open();
    await transport.feed(ids(3));
    const source = transport.source(10);

    await source.stop();

    await expect(source.run(() => Promise.reject(new Error('handed out')))).resolves.toBeUndefined();
  });
}
