import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatchQueue, type Batch, type BatchLimits } from '../../src/serving/batch-queue.js';
import { createBatcher, systemClock, type Capacity } from '../../src/serving/batcher.js';
import { simulate, simulateArrivals, VirtualClock, VirtualPool, type Load } from './simulation.js';

const limits: BatchLimits = { maxSize: 16, maxCost: Infinity, maxWaitMs: 10 };

/** A pool of virtual workers before which queues stand, and what was run. */
function virtualServing(workers: number, serviceMs: (size: number) => number) {
  const clock = new VirtualClock();
  const pool = new VirtualPool(clock, workers, serviceMs);
  /** Each batch: when it was given to a worker, and its items. */
  const batches: { readonly at: number; readonly items: readonly string[] }[] = [];
  const runnerOf = (own: Partial<BatchLimits>) => ({
    queue: new BatchQueue<string, string>({ ...limits, ...own }, () => 1, clock.now),
    async run({ items }: Batch<string, string>): Promise<readonly string[]> {
      batches.push({ at: clock.now(), items });
      await pool.run(items.length);
      return items.map((item) => `${item} at ${clock.now()}`);
    },
  });
  return { clock, pool, batches, runnerOf };
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `item ${index}`);

describe('the batcher', () => {
  it('gives what comes at once to a worker that has nothing to do, without waiting for more', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 5);
    const runner = runnerOf({ maxWaitMs: 3_600_000 });
    createBatcher([runner], pool, clock);
    const answer = runner.queue.submit('one');
    await clock.run();
    expect(await answer).toBe('one at 5');
    expect(batches).toEqual([{ at: 0, items: ['one'] }]);
  });

  it('puts items that come together into one batch', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 5);
    const runner = runnerOf({});
    createBatcher([runner], pool, clock);
    const answers = names(7).map((name) => runner.queue.submit(name));
    await clock.run();
    await Promise.all(answers);
    expect(batches).toEqual([{ at: 0, items: names(7) }]);
  });

  it('shares what waits among the workers that have nothing to do', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(4, () => 5);
    const runner = runnerOf({});
    createBatcher([runner], pool, clock);
    const answers = names(10).map((name) => runner.queue.submit(name));
    await clock.run();
    await Promise.all(answers);
    expect(batches.map(({ at, items }) => [at, items.length])).toEqual([
      [0, 3],
      [0, 3],
      [0, 2],
      [0, 2],
    ]);
  });

  it('closes the next batch of a busy worker at the deadline of its oldest item', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 100);
    const runner = runnerOf({});
    createBatcher([runner], pool, clock);
    const answers = [runner.queue.submit('first')];
    for (const [at, name] of [
      [20, 'second'],
      [29, 'third'],
      [31, 'fourth'],
    ] as const)
      clock.after(at, () => answers.push(runner.queue.submit(name)));
    await clock.run();
    await Promise.all(answers);
    expect(batches).toEqual([
      { at: 0, items: ['first'] },
      { at: 30, items: ['second', 'third'] },
      // One batch lies ready beside the one that runs, never two.
      { at: 100, items: ['fourth'] },
    ]);
  });

  it('closes the next batch of a busy worker when it is full, without waiting for the deadline', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 100);
    const runner = runnerOf({ maxSize: 3, maxWaitMs: 3_600_000 });
    createBatcher([runner], pool, clock);
    const answers = [runner.queue.submit('first')];
    clock.after(20, () => answers.push(...names(7).map((name) => runner.queue.submit(name))));
    await clock.run();
    await Promise.all(answers);
    expect(batches.map(({ at, items }) => [at, items.length])).toEqual([
      [0, 1],
      [20, 3],
      [100, 3],
      // Nothing runs any more: what is left waits for no company.
      [300, 1],
    ]);
  });

  it('takes the queue first whose oldest item has waited longest', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 100);
    const runners = [runnerOf({}), runnerOf({}), runnerOf({})] as const;
    createBatcher(runners, pool, clock);
    const answers: Promise<string>[] = [];
    const submit = (at: number, runner: 0 | 1 | 2, name: string): void =>
      void clock.after(at, () => answers.push(runners[runner].queue.submit(name)));
    submit(0, 0, 'runs');
    submit(1, 0, 'lies ready');
    submit(21, 2, 'third queue');
    submit(22, 0, 'first queue');
    submit(23, 1, 'second queue');
    submit(24, 2, 'third queue, later');
    await clock.run();
    await Promise.all(answers);
    expect(batches.map(({ items }) => items)).toEqual([
      ['runs'],
      ['lies ready'],
      ['third queue', 'third queue, later'],
      ['first queue'],
      ['second queue'],
    ]);
  });

  it('runs nothing that nobody waits for any more', async () => {
    const { clock, pool, batches, runnerOf } = virtualServing(1, () => 100);
    const runner = runnerOf({ maxSize: 1 });
    createBatcher([runner], pool, clock);
    const given = new AbortController();
    const kept = ['runs', 'lies ready'].map((name) => runner.queue.submit(name));
    const dropped = expect(runner.queue.submit('given up', given.signal)).rejects.toThrow('nobody waits');
    kept.push(runner.queue.submit('last'));
    clock.after(50, () => given.abort(new Error('nobody waits')));
    await clock.run();
    await Promise.all(kept);
    await dropped;
    expect(batches.map(({ items }) => items)).toEqual([['runs'], ['lies ready'], ['last']]);
  });

  it('fails every item of a failed batch and goes on with the next', async () => {
    const { clock, pool, runnerOf } = virtualServing(1, () => 5);
    const runner = runnerOf({ maxSize: 2 });
    let runs = 0;
    const run = async (batch: Batch<string, string>): Promise<readonly string[]> => {
      runs += 1;
      const results = await runner.run(batch);
      if (runs === 1) throw new Error('out of memory');
      return results;
    };
    createBatcher([{ ...runner, run }], pool, clock);
    const settled = Promise.allSettled(names(3).map((name) => runner.queue.submit(name)));
    await clock.run();
    expect(await settled).toMatchObject([
      { reason: { message: 'out of memory' } },
      { reason: { message: 'out of memory' } },
      { value: 'item 2 at 10' },
    ]);
  });

  it('fails a batch that comes back with another number of results', async () => {
    const { clock, pool, runnerOf } = virtualServing(1, () => 5);
    const runner = runnerOf({});
    createBatcher([{ ...runner, run: () => Promise.resolve([]) }], pool, clock);
    const answer = expect(runner.queue.submit('one')).rejects.toThrow(
      'a batch of 1 came back with 0 results',
    );
    await clock.run();
    await answer;
  });

  it('answers everything submitted before a drain, without waiting for the deadline', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(20), { maxLength: 40 }),
        fc.nat(60),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async (arrivals, drainAt, workers, maxSize) => {
          const { clock, pool, runnerOf } = virtualServing(workers, () => 7);
          const runners = [
            runnerOf({ maxSize, maxWaitMs: 3_600_000 }),
            runnerOf({ maxSize, maxWaitMs: 3_600_000 }),
          ];
          const batcher = createBatcher(runners, pool, clock);
          const answers: Promise<string>[] = [];
          for (const [index, at] of arrivals.entries())
            clock.after(at, () => answers.push(runners[index % 2]!.queue.submit(String(index))));
          await clock.run(Math.max(drainAt, 20));
          let isDrained = false;
          const drained = batcher.drain().then(() => (isDrained = true));
          await clock.run();
          expect(isDrained).toBe(true);
          await drained;
          expect(await Promise.all(answers)).toHaveLength(arrivals.length);
          expect(clock.now()).toBeLessThan(60 + 7 * (arrivals.length + 2));
        },
      ),
    );
  });

  it('answers every item with its own result, in batches of at most its size, in order, by the system’s clock', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(2), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        async (pauses, maxSize, workers) => {
          const batches: number[][] = [];
          let running = 0;
          const capacity: Capacity = {
            get idle() {
              return Math.max(0, workers - running);
            },
            get canPrefetch() {
              return running < 2 * workers;
            },
          };
          const queue = new BatchQueue<number, number>(
            { maxSize, maxCost: Infinity, maxWaitMs: 2 },
            () => 1,
            systemClock.now,
          );
          const run = async ({ items }: Batch<number, number>): Promise<readonly number[]> => {
            running += 1;
            expect(running).toBeLessThanOrEqual(2 * workers);
            batches.push([...items]);
            await tick();
            running -= 1;
            return items.map((item) => item * 10);
          };
          createBatcher([{ queue, run }], capacity, systemClock);
          const answers: Promise<number>[] = [];
          for (const [item, pause] of pauses.entries()) {
            answers.push(queue.submit(item));
            if (pause === 0) await tick();
          }
          expect(await Promise.all(answers)).toEqual(pauses.map((_, item) => item * 10));
          expect(batches.flat()).toEqual(pauses.map((_, item) => item));
          expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(maxSize);
        },
      ),
      { numRuns: 30 },
    );
  });
});

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('the system’s clock', () => {
  it('calls back once, after everything that happens now where no time is to pass, and never when cancelled', async () => {
    const called: string[] = [];
    systemClock.after(1_000, () => called.push('later'));
    const cancels = [0, 1].map((ms) => systemClock.after(ms, () => called.push('cancelled')));
    systemClock.after(0, () => called.push('at once'));
    await Promise.resolve().then(() => called.push('what happens now'));
    for (const cancel of cancels) cancel();
    const timer = setInterval(() => undefined, 1);
    onTestFinished(() => clearInterval(timer));
    await expect.poll(() => called).toEqual(['what happens now', 'at once', 'later']);
  });
});

describe('batches under a load', () => {
  /** Two workers, on which a full batch of 16 takes 20 ms: they can do 1,600 items a second. */
  const serving = { workers: 2, serviceMs: (size: number) => 4 + size, limits, seed: 1, seconds: 10 };
  const most = 1_600;
  const under = (share: number, own: Partial<Load> = {}) =>
    simulate({ ...serving, policy: 'adaptive', arrivalsPerSecond: share * most, ...own });
  const withFixed = (share: number) => under(share, { policy: 'fixed' });

  it('let no item wait past its deadline while a worker has room, nor at all while one has nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(30), { minLength: 1, maxLength: 120 }),
        fc.record({
          workers: fc.integer({ min: 1, max: 5 }),
          maxSize: fc.integer({ min: 1, max: 16 }),
          maxWaitMs: fc.nat(20),
          setup: fc.nat(30),
          each: fc.integer({ min: 1, max: 5 }),
        }),
        async (pauses, { workers, maxSize, maxWaitMs, setup, each }) => {
          let at = 0;
          // Most items come close together, some after a pause.
          const arrivals = pauses.map((pause) => (at += pause > 20 ? pause : pause % 3));
          const { longestWaitWithRoomMs, longestWaitWhileIdleMs, batchSizes } = await simulateArrivals(
            arrivals,
            {
              policy: 'adaptive',
              workers,
              serviceMs: (size) => setup + each * size,
              limits: { maxSize, maxCost: Infinity, maxWaitMs },
            },
          );
          expect(longestWaitWithRoomMs).toBeLessThanOrEqual(maxWaitMs);
          expect(longestWaitWhileIdleMs).toBe(0);
          expect(Math.max(...batchSizes)).toBeLessThanOrEqual(maxSize);
        },
      ),
    );
  });

  it('are small while the load is low, so that posts have their results sooner than with full batches', async () => {
    const [adaptive, fixed] = await Promise.all([under(0.02), withFixed(0.02)]);
    expect(adaptive.meanBatchSize).toBeLessThan(1.05);
    // One item takes 5 ms.
    expect(adaptive.latencyMs.p50).toBeLessThan(5.5);
    expect(fixed.latencyMs.p50).toBeGreaterThan(10);
    expect(adaptive.latencyMs.p99).toBeLessThan(fixed.latencyMs.p99);
  });

  it('grow with the load', async () => {
    const loads = await Promise.all([0.05, 0.3, 0.6, 0.8, 0.95].map((share) => under(share)));
    const sizes = loads.map(({ meanBatchSize }) => meanBatchSize);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(sizes[0]).toBeLessThan(1.1);
    expect(sizes.at(-1)).toBeGreaterThan(10);
    for (const [index, share] of [0.05, 0.3, 0.6, 0.8].entries()) {
      const { latencyMs } = await withFixed(share);
      expect(loads[index]!.latencyMs.p50, `at ${share}`).toBeLessThan(latencyMs.p50);
    }
  });

  it('are nearly full past saturation, and cost none of the throughput of full ones', async () => {
    const overloaded = { seconds: 4 };
    const [adaptive, fixed] = await Promise.all([
      under(1.5, overloaded),
      under(1.5, { ...overloaded, policy: 'fixed' }),
    ]);
    expect(adaptive.meanBatchSize).toBeGreaterThan(0.95 * limits.maxSize);
    expect(fixed.meanBatchSize).toBeGreaterThan(0.95 * limits.maxSize);
    expect(adaptive.throughput).toBeGreaterThan(0.98 * fixed.throughput);
    expect(adaptive.throughput).toBeGreaterThan(0.98 * most);
  });

  it('give more workers more throughput', async () => {
    const four = await under(3, { workers: 4, seconds: 2 });
    expect(four.throughput).toBeGreaterThan(0.98 * 2 * most);
  });

  it('come out the same with the same seed', async () => {
    const [one, again, other] = await Promise.all([
      under(0.7, { seconds: 1 }),
      under(0.7, { seconds: 1 }),
      under(0.7, { seconds: 1, seed: 2 }),
    ]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });
});
