/** A model with all that is made for it. */
export interface Closable {
  /** Rejects when it cannot be used any more; never resolves. */
  readonly died: Promise<never>;
  close(): Promise<void>;
}

/** The right to use what a slot held when it was asked. */
export interface Lease<T> {
  readonly value: T;
  /** To be called once. */
  release(): void;
}

/** A value with those who use it. */
interface LeasedValue<T> {
  readonly value: T;
  leases: number;
  /** Called when the last lease of a value that was replaced is released. */
  unused: (() => void) | undefined;
}

/**
 * Holds the live model. Whoever takes a lease is served by the same model until it is released, so a batch of posts is
 * cleaned, looked at and tagged by one, and a model is replaced between two batches. The one that was replaced is closed
 * when its last lease has been released.
 */
export class ModelSlot<T extends Closable> {
  #holding: LeasedValue<T>;
  #closing: Promise<unknown> = Promise.resolve();
  #closed: Promise<unknown> | undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when a model dies that is or was in use; never resolves. */
  readonly died: Promise<never>;

  constructor(first: T) {
    this.died = new Promise((_, reject) => (this.#fail = reject));
    this.died.catch(() => undefined);
    this.#holding = this.#hold(first);
  }

  get live(): T {
    return this.#holding.value;
  }

  acquire(): Lease<T> {
    const holding = this.#holding;
    holding.leases += 1;
    return {
      value: holding.value,
      release() {
        holding.leases -= 1;
        if (holding.leases === 0) holding.unused?.();
      },
    };
  }

  /**
   * Makes another model the live one: every lease from now on is of it. Once the slot is closed, it is closed at once.
   *
   * @returns when the one before is closed
   */
  async replace(next: T): Promise<void> {
    if (this.#closed !== undefined) return next.close();
    const before = this.#holding;
    this.#holding = this.#hold(next);
    const closed = close(before);
    this.#closing = Promise.all([this.#closing, closed]);
    await closed;
  }

  /** Closes the live model once nobody uses it any more, and waits for those that were replaced. */
  async close(): Promise<void> {
    this.#closed ??= Promise.all([this.#closing, close(this.#holding)]);
    await this.#closed;
  }

  #hold(value: T): LeasedValue<T> {
    value.died.catch(this.#fail);
    return { value, leases: 0, unused: undefined };
  }
}

async function close(holding: LeasedValue<Closable>): Promise<void> {
  if (holding.leases > 0) await new Promise<void>((resolve) => (holding.unused = resolve));
  await holding.value.close();
}
