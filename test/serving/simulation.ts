import { BatchQueue, type Batch, type BatchLimits } from '../../src/serving/batch-queue.js';
import { createBatcher, type Capacity, type Clock } from '../../src/serving/batcher.js';

/** A time that passes only when the test says so: whatever is due is called at its time, in its order. */
export class VirtualClock implements Clock {
  #now = 0;
  #calls: { readonly at: number; readonly callback: () => void }[] = [];

  readonly now = (): number => this.#now;

  after(ms: number, callback: () => void): () => void {
    const call = { at: this.#now + Math.max(0, ms), callback };
    const later = this.#calls.findIndex(({ at }) => at > call.at);
    this.#calls.splice(later === -1 ? this.#calls.length : later, 0, call);
    return () => {
      this.#calls = this.#calls.filter((one) => one !== call);
    };
  }

  /** Lets time pass until nothing is due any more, or until `end`; what each call leads to is over before the next. */
  async run(end = Infinity): Promise<void> {
    for (;;) {
      await settled();
      const [next] = this.#calls;
      if (next === undefined || next.at > end) break;
      this.#calls.shift();
      this.#now = next.at;
      next.callback();
    }
    if (end < Infinity) this.#now = Math.max(this.#now, end);
  }
}

/** Resolves when all promises that could be settled are. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Workers that take a time of their own choice for a batch, and have at most one more batch beside it, as in `pool.ts`. */
export class VirtualPool implements Capacity {
  readonly #clock: Clock;
  readonly #serviceMs: (size: number) => number;
  readonly #workers: { pending: number; busyUntil: number }[];

  constructor(clock: Clock, workers: number, serviceMs: (size: number) => number) {
    this.#clock = clock;
    this.#serviceMs = serviceMs;
    this.#workers = Array.from({ length: workers }, () => ({ pending: 0, busyUntil: 0 }));
  }

  get idle(): number {
    return this.#workers.filter(({ pending }) => pending === 0).length;
  }

  get canPrefetch(): boolean {
    return this.#workers.some(({ pending }) => pending < 2);
  }

  /** Batches that are run or wait beside one that is. */
  get pending(): number {
    return this.#workers.reduce((sum, { pending }) => sum + pending, 0);
  }

  /** Resolves when the least loaded worker has run as many items. */
  run(size: number): Promise<void> {
    const worker = this.#workers.reduce((best, other) =>
      other.pending < best.pending || (other.pending === best.pending && other.busyUntil < best.busyUntil)
        ? other
        : best,
    );
    worker.pending += 1;
    worker.busyUntil = Math.max(worker.busyUntil, this.#clock.now()) + this.#serviceMs(size);
    return new Promise((resolve) => {
      this.#clock.after(worker.busyUntil - this.#clock.now(), () => {
        worker.pending -= 1;
        resolve();
      });
    });
  }
}

/**
 * When a batch is closed. `adaptive`: as `createBatcher` does it. `fixed`: when it is full or its oldest item has waited
 * for `maxWaitMs`, whatever the workers do.
 */
export type Policy = 'adaptive' | 'fixed';

export interface Serving {
  readonly policy: Policy;
  readonly workers: number;
  /** How long a worker takes for a batch of so many items. */
  readonly serviceMs: (size: number) => number;
  readonly limits: BatchLimits;
}

export interface Load extends Serving {
  /** Items that come in a second on average, each by chance (a Poisson process). */
  readonly arrivalsPerSecond: number;
  /** How long items come. */
  readonly seconds: number;
  readonly seed: number;
}

/** All times in milliseconds of the virtual clock. */
export interface Simulated {
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly highest: number };
  /** Items answered in a second, while items came. */
  readonly throughput: number;
  readonly batchSizes: readonly number[];
  readonly meanBatchSize: number;
  /** How long an item waited at most, counting only the time in which a worker had room for a batch. */
  readonly longestWaitWithRoomMs: number;
  /** The same for the time in which a worker had nothing to do. */
  readonly longestWaitWhileIdleMs: number;
}

/** What comes of a policy under a load. The same arguments give the same numbers, on every machine. */
export function simulate({ arrivalsPerSecond, seconds, seed, ...serving }: Load): Promise<Simulated> {
  const random = randomFrom(seed);
  const arrivals: number[] = [];
  for (let at = 0; ;) {
    at += (-Math.log(1 - random()) * 1000) / arrivalsPerSecond;
    if (at > seconds * 1000) break;
    arrivals.push(at);
  }
  return simulateArrivals(arrivals, serving);
}

/** The same for items that come at these times, in ascending order. */
export async function simulateArrivals(arrivals: readonly number[], serving: Serving): Promise<Simulated> {
  const clock = new VirtualClock();
  const pool = new VirtualPool(clock, serving.workers, serving.serviceMs);
  const waiting = new WaitingTimes(clock, pool);
  const batchSizes: number[] = [];
  const queue = new BatchQueue<number, number>(serving.limits, () => 1, clock.now);
  const run = async ({ items }: Batch<number, number>): Promise<readonly number[]> => {
    waiting.taken(items);
    batchSizes.push(items.length);
    const ran = pool.run(items.length);
    waiting.measure();
    await ran;
    waiting.measure();
    return items;
  };
  if (serving.policy === 'adaptive') createBatcher([{ queue, run }], pool, clock);
  else closeWhenFull(queue, run, pool, clock);

  const latencies: number[] = [];
  let answeredInTime = 0;
  const last = arrivals.at(-1) ?? 0;
  const submitFrom = (index: number): void => {
    const at = arrivals[index];
    if (at === undefined) return;
    clock.after(at - clock.now(), () => {
      waiting.came(index);
      void queue.submit(index).then(() => {
        latencies.push(clock.now() - at);
        if (clock.now() <= last) answeredInTime += 1;
      });
      submitFrom(index + 1);
    });
  };
  submitFrom(0);
  await clock.run();
  if (latencies.length !== arrivals.length)
    throw new Error(`${latencies.length} of ${arrivals.length} items were answered`);

  latencies.sort((a, b) => a - b);
  const quantile = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? 0;
  return {
    latencyMs: { p50: quantile(0.5), p99: quantile(0.99), highest: quantile(1) },
    throughput: answeredInTime / (last / 1000),
    batchSizes,
    meanBatchSize: arrivals.length / batchSizes.length,
    longestWaitWithRoomMs: waiting.longestWithRoom,
    longestWaitWhileIdleMs: waiting.longestWhileIdle,
  };
}

/** Batches that are closed when they are full or at the deadline of their oldest item, and run in that order. */
function closeWhenFull(
  queue: BatchQueue<number, number>,
  run: (batch: Batch<number, number>) => Promise<readonly number[]>,
  pool: VirtualPool,
  clock: Clock,
): void {
  const { maxSize, maxWaitMs } = queue.limits;
  const closed: Batch<number, number>[] = [];
  let cancel: () => void = () => undefined;
  const feed = (): void => {
    while (pool.idle > 0) {
      const batch = closed.shift();
      if (batch === undefined) return;
      void run(batch).then((results) => {
        batch.resolve(results);
        feed();
      });
    }
  };
  const close = (): void => {
    cancel();
    closed.push(queue.take(maxSize));
    feed();
  };
  queue.onChange(() => {
    if (queue.length === 1) cancel = clock.after(maxWaitMs, close);
    if (queue.length >= maxSize) close();
  });
}

/** How long items wait, counting only some of the time. */
class WaitingTimes {
  readonly #clock: Clock;
  readonly #pool: VirtualPool;
  readonly #since = new Map<number, { readonly withRoom: number; readonly whileIdle: number }>();
  #measuredAt = 0;
  #had = { room: true, idle: true };
  /** The time that has passed so far, of each kind. */
  #withRoom = 0;
  #whileIdle = 0;
  longestWithRoom = 0;
  longestWhileIdle = 0;

  constructor(clock: Clock, pool: VirtualPool) {
    this.#clock = clock;
    this.#pool = pool;
  }

  /** To be called whenever the pool has changed. */
  measure(): void {
    const now = this.#clock.now();
    if (this.#had.room) this.#withRoom += now - this.#measuredAt;
    if (this.#had.idle) this.#whileIdle += now - this.#measuredAt;
    this.#measuredAt = now;
    this.#had = { room: this.#pool.canPrefetch, idle: this.#pool.idle > 0 };
  }

  came(item: number): void {
    this.measure();
    this.#since.set(item, { withRoom: this.#withRoom, whileIdle: this.#whileIdle });
  }

  taken(items: readonly number[]): void {
    this.measure();
    for (const item of items) {
      const { withRoom = NaN, whileIdle = NaN } = this.#since.get(item) ?? {};
      this.#since.delete(item);
      this.longestWithRoom = Math.max(this.longestWithRoom, this.#withRoom - withRoom);
      this.longestWhileIdle = Math.max(this.longestWhileIdle, this.#whileIdle - whileIdle);
    }
  }
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
