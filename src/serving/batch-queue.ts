/** When a batch is full, and how long its oldest item may wait for others. */
export interface BatchLimits {
  /** Items of a batch at most. */
  readonly maxSize: number;
  /** What a batch may cost at most: its items times the dearest of them, since a model computes on padding too. */
  readonly maxCost: number;
  /** In milliseconds: how long an item waits for others at most, while a worker has room. */
  readonly maxWaitMs: number;
}

interface Entry<I, O> {
  readonly item: I;
  readonly cost: number;
  /** When it came, by the clock of the queue. */
  readonly since: number;
  readonly signal: AbortSignal | undefined;
  resolve(result: O): void;
  reject(error: unknown): void;
}

/** Items that go through a model together. */
export interface Batch<I, O> {
  readonly items: readonly I[];
  /** When its oldest item came. */
  readonly since: number;
  /** Answers each item: results in the order of the items. */
  resolve(results: readonly O[]): void;
  reject(error: unknown): void;
}

/**
 * Items that wait for a model, in the order in which they came. It says what the next batch is; when that is taken is up
 * to the batcher.
 */
export class BatchQueue<I, O> {
  readonly limits: BatchLimits;
  readonly #costOf: (item: I) => number;
  readonly #now: () => number;
  #entries: Entry<I, O>[] = [];
  #changed: () => void = () => undefined;

  /**
   * @param costOf what an item costs a model, such as its tokens
   * @param now milliseconds on a clock that does not go back
   */
  constructor(limits: BatchLimits, costOf: (item: I) => number, now: () => number) {
    this.limits = limits;
    this.#costOf = costOf;
    this.#now = now;
  }

  /** Calls `changed` whenever an item comes. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /**
   * Waits for an item's answer.
   *
   * @param signal aborted when nobody waits for it any more
   */
  submit(item: I, signal?: AbortSignal): Promise<O> {
    return new Promise((resolve, reject) => {
      const since = this.#now();
      this.#entries.push({ item, cost: this.#costOf(item), since, signal, resolve, reject });
      this.#changed();
    });
  }

  /** Drops the items that nobody waits for any more. */
  dropAborted(): void {
    const waiting = this.#entries.filter(({ signal }) => signal?.aborted !== true);
    if (waiting.length === this.#entries.length) return;
    for (const { signal, reject } of this.#entries) if (signal?.aborted === true) reject(signal.reason);
    this.#entries = waiting;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** When the item came that has waited longest; `undefined` where none waits. */
  get since(): number | undefined {
    return this.#entries[0]?.since;
  }

  /** Whether the next batch can take in no further item. */
  get isFull(): boolean {
    const chosen = this.#choose(Infinity);
    const dearest = Math.max(...chosen.map(({ cost }) => cost));
    const { maxSize, maxCost } = this.limits;
    return chosen.length >= maxSize || dearest * (chosen.length + 1) > maxCost;
  }

  /**
   * Takes the next batch: the item that has waited longest, and those that cost most nearly the same, since posts of one
   * length need the least padding.
   *
   * @param most items at most, where that is less than `maxSize`
   * @throws RangeError where nothing waits
   */
  take(most: number): Batch<I, O> {
    const taken = new Set(this.#choose(most));
    if (taken.size === 0) throw new RangeError('nothing waits');
    this.#entries = this.#entries.filter((entry) => !taken.has(entry));
    return batchOf([...taken]);
  }

  #choose(most: number): readonly Entry<I, O>[] {
    const [first] = this.#entries;
    if (first === undefined) return [];
    const { maxSize, maxCost } = this.limits;
    const size = Math.min(most, maxSize);
    const distance = ({ cost }: Entry<I, O>): number => Math.abs(cost - first.cost);
    const alike = this.#entries.slice(1).sort((a, b) => distance(a) - distance(b));
    const chosen = [first];
    let dearest = first.cost;
    for (const entry of alike) {
      if (chosen.length >= size) break;
      const cost = Math.max(dearest, entry.cost);
      if (cost * (chosen.length + 1) > maxCost) continue;
      chosen.push(entry);
      dearest = cost;
    }
    return chosen;
  }
}

function batchOf<I, O>(entries: readonly Entry<I, O>[]): Batch<I, O> {
  return {
    items: entries.map(({ item }) => item),
    since: entries[0]?.since ?? 0,
    resolve(results) {
      if (results.length !== entries.length)
        throw new RangeError(`a batch of ${entries.length} came back with ${results.length} results`);
      entries.forEach(({ resolve }, index) => resolve(results[index] as O));
    },
    reject(error) {
      for (const { reject } of entries) reject(error);
    },
  };
}
