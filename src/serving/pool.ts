import type { ModelDescription, ModelOptions } from '../model/model.js';
import type { Provider } from '../domain/provider.js';
import type { Capacity } from './batcher.js';
import type { Request } from './protocol.js';
import { startWorker, type WorkerClient } from './worker.js';

/** Batches that a worker has at most: one that it runs, and the next. */
const mostPending = 2;

/** Workers that hold the same model. */
export interface Pool extends Capacity {
  readonly model: ModelDescription;
  readonly workers: number;
  /** Settles with an error when a worker dies unasked; never resolves otherwise. */
  readonly died: Promise<never>;
  /** How long, in milliseconds, the longest run under way has taken. */
  waitingMs(): number;
  /** Has the least loaded worker run a request: one that is idle, else the one that has been at its batch for longest. */
  run: WorkerClient['run'];
  /** Lets the workers finish what they have and end. */
  close(): Promise<void>;
}

/**
 * Starts workers, and waits until their models are loaded and warm. The first decides alone what `auto` comes to, so that
 * all run on the same provider, and what is wrong with a model is told once.
 *
 * The end of one worker is the end of them all: whatever ended it (memory, the native library) threatens the rest, and an
 * agent that is started again reads once more what was not committed.
 *
 * @param countFor how many workers there are to be on a provider
 * @throws ConfigurationError when the provider or the bundle can't be used
 */
export async function startPool(
  options: ModelOptions,
  countFor: (provider: Provider) => number,
): Promise<Pool> {
  const first = await startWorker(options);
  const { provider } = first.model;
  const others = await Promise.allSettled(
    Array.from({ length: countFor(provider) - 1 }, () => startWorker({ ...options, provider })),
  );
  const workers = [first, ...others.flatMap((other) => (other.status === 'fulfilled' ? [other.value] : []))];
  const failed = others.find((other) => other.status === 'rejected');
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
  // A device's memory may hold fewer than were asked for; where CUDA was asked for by name, that is a fault to be told.
  if (failed !== undefined && !(options.provider === 'auto' && provider === 'cuda')) {
    await close();
    throw failed.reason;
  }
  const died = Promise.race(workers.map((worker) => worker.died));
  died.catch(() => undefined);

  return {
    model: first.model,
    workers: workers.length,
    died,
    get idle() {
      return workers.filter(({ pending }) => pending === 0).length;
    },
    get canPrefetch() {
      return workers.some(({ pending }) => pending < mostPending);
    },
    waitingMs: () => Math.max(...workers.map((worker) => worker.waitingMs())),
    run<R extends Request>(request: R) {
      const least = workers.reduce((best, other) => (isLessLoaded(other, best) ? other : best));
      return least.run(request);
    },
    close,
  };
}

function isLessLoaded(one: WorkerClient, other: WorkerClient): boolean {
  if (one.pending !== other.pending) return one.pending < other.pending;
  return one.waitingMs() > other.waitingMs();
}
