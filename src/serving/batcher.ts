/** Gathers single items into batches, across posts and partitions. */
export interface DynamicBatcher<I, O> {
  submit(item: I): Promise<O>;
  /** Stops waiting for company; resolves when every submitted item has been answered. */
  drain(): Promise<void>;
}

export interface BatcherOptions<I, O> {
  /** Items a batch holds at most. */
  readonly maxSize: number;
  /** How long, in milliseconds, the oldest item waits for others. */
  readonly maxWaitMs: number;
  /** Answers a batch: one result for each item, in their order. */
  run(items: readonly I[], waitSeconds: number): Promise<readonly O[]>;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly since: number;
  resolve(result: O): void;
  reject(error: unknown): void;
}

/**
 * A batch closes at its size or at its oldest item's deadline, whichever comes first. One batch runs at a time;
 * what arrives meanwhile waits and fills the next, so that batches grow with the load.
 */
export function createDynamicBatcher<I, O>(options: BatcherOptions<I, O>): DynamicBatcher<I, O> {
  const waiting: Waiting<I, O>[] = [];
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let draining = false;

  function schedule(): void {
    const oldest = waiting[0];
    if (oldest === undefined || running !== undefined) return;
    clearTimeout(timer);
    const left = oldest.since + options.maxWaitMs - performance.now();
    if (draining || waiting.length >= options.maxSize || left <= 0) {
      running = runBatch(waiting.splice(0, options.maxSize)).finally(() => {
        running = undefined;
        schedule();
      });
    } else {
      timer = setTimeout(schedule, Math.ceil(left));
    }
  }

  async function runBatch(batch: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const waited = (performance.now() - (batch[0]?.since ?? 0)) / 1000;
      const results = await options.run(
        batch.map(({ item }) => item),
        waited,
      );
      if (results.length !== batch.length) {
        throw new Error(`a batch of ${batch.length} came back with ${results.length} results`);
      }
      batch.forEach(({ resolve }, index) => resolve(results[index] as O));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    submit: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, since: performance.now(), resolve, reject });
        schedule();
      }),
    async drain() {
      draining = true;
      schedule();
      while (running !== undefined) await running;
    },
  };
}
