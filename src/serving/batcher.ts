import type { Batch, BatchQueue } from './batch-queue.js';

/** What a batch runs on. */
export interface Capacity {
  /** Workers that have nothing to do. */
  readonly idle: number;
  /** Whether a worker that is busy could have its next batch beside it already. */
  readonly canPrefetch: boolean;
}

/** Time, so that a test can have its own. */
export interface Clock {
  /** Milliseconds; it does not go back. */
  now(): number;
  /** Calls back once after so many milliseconds, 0: when what happens now is over. @returns what cancels it */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    if (ms <= 0) {
      const turn = setImmediate(callback);
      return () => clearImmediate(turn);
    }
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** A queue with what runs its batches. */
export interface QueueRunner<I, O> {
  readonly queue: BatchQueue<I, O>;
  run(batch: Batch<I, O>): Promise<readonly O[]>;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each queue has its own types, and none meets another
type AnyRunner = QueueRunner<any, any>;

/** Several queues before one pool of workers. */
export interface Batcher {
  /** Stops waiting for company; resolves when every submitted item has been answered. */
  drain(): Promise<void>;
}

/**
 * Takes batches out of their queues and has them run.
 *
 * A worker that has nothing to do is given at once what waits, shared evenly among all such workers: so batches are small
 * as long as the workers keep up. While all are busy, items gather, and the next batch of each worker is closed when it is
 * full or when its oldest item has waited for `maxWaitMs`: so batches grow with the load, and the next one lies ready when
 * a worker comes to the end of one. Of several queues the one whose oldest item has waited longest comes first.
 */
export function createBatcher(runners: readonly AnyRunner[], capacity: Capacity, clock: Clock): Batcher {
  const running = new Set<Promise<void>>();
  let draining = false;
  let cancel: () => void = () => undefined;

  function wakeAfter(ms: number): void {
    cancel();
    cancel = clock.after(ms, schedule);
  }

  function schedule(): void {
    cancel();
    for (const { queue } of runners) queue.dropAborted();
    for (;;) {
      const now = clock.now();
      const waiting = runners
        .map((runner) => ({ runner, dueAt: dueAt(runner.queue) }))
        .filter((entry): entry is { runner: AnyRunner; dueAt: number } => entry.dueAt !== undefined);
      const due = waiting.filter((entry) => entry.dueAt <= now);
      const [next] = due.sort((a, b) => (a.runner.queue.since ?? 0) - (b.runner.queue.since ?? 0));
      if (next === undefined) {
        const first = Math.min(...waiting.map((entry) => entry.dueAt));
        if (first < Infinity) wakeAfter(Math.ceil(first - now));
        return;
      }
      start(next.runner);
    }
  }

  /** When a queue's next batch is to be taken; `undefined` where nothing waits or no worker has room. */
  function dueAt({ since, isFull, limits }: AnyRunner['queue']): number | undefined {
    if (since === undefined) return undefined;
    if (capacity.idle > 0) return since;
    if (!capacity.canPrefetch) return undefined;
    return draining || isFull ? since : since + limits.maxWaitMs;
  }

  function start({ queue, run }: AnyRunner): void {
    const batch = queue.take(capacity.idle > 1 ? Math.ceil(queue.length / capacity.idle) : Infinity);
    const ended = run(batch)
      .then(batch.resolve)
      .catch(batch.reject)
      .finally(() => {
        running.delete(ended);
        schedule();
      });
    running.add(ended);
  }

  // Items that come together, such as the posts of a chunk, are seen together.
  for (const { queue } of runners) {
    queue.onChange(() => {
      // While no worker has room, the end of a run is waited for.
      const hasRoom = capacity.idle > 0 || capacity.canPrefetch;
      if (hasRoom && (queue.length === 1 || queue.isFull)) wakeAfter(0);
    });
  }

  return {
    async drain() {
      draining = true;
      schedule();
      while (running.size > 0) await Promise.race(running);
    },
  };
}
