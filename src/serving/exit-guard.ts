/** Positions in a cell, the memory that the main thread shares with one worker; each holds 0 or 1. */
const calling = 0;
const closing = 1;

/** The memory of a guard's cell. */
export const createCell = (): SharedArrayBuffer => new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);

/**
 * Keeps a process from exiting in the middle of a call of ONNX Runtime, which would abort it (SIGABRT and a core dump),
 * whatever its exit code was to be. There is one for all workers of the process.
 */
export class ExitGuard {
  readonly #cells = new Set<Int32Array<SharedArrayBuffer>>();
  readonly #withinMs: number;

  /** @param withinMs how long an exit waits at most; a call that takes longer is not waited for */
  constructor(withinMs: number) {
    this.#withinMs = withinMs;
  }

  /**
   * Guards one more worker.
   *
   * @returns what ends that, once the worker has ended
   */
  add(memory: SharedArrayBuffer): () => void {
    const cell = new Int32Array(memory);
    if (this.#cells.size === 0) process.on('exit', this.close);
    this.#cells.add(cell);
    return () => {
      this.#cells.delete(cell);
      if (this.#cells.size === 0) process.off('exit', this.close);
    };
  }

  /** Lets no call begin in any worker, and blocks until those under way have ended. */
  readonly close = (): void => {
    const deadline = performance.now() + this.#withinMs;
    // All are closed before any is waited for: else the others would begin a call meanwhile.
    for (const cell of this.#cells) Atomics.store(cell, closing, 1);
    for (const cell of this.#cells) {
      Atomics.wait(cell, calling, 1, Math.max(0, deadline - performance.now()));
    }
  };
}

/**
 * The worker's end: wraps its calls of ONNX Runtime, of which it makes one at a time. Once the guard has closed none
 * begins, and what was asked never resolves.
 */
export function guarded(memory: SharedArrayBuffer): <T>(call: () => Promise<T>) => Promise<T> {
  const cell = new Int32Array(memory);
  return async (call) => {
    // First said, then asked: so either this thread sees that the other closes, or the other that this one calls.
    Atomics.store(cell, calling, 1);
    try {
      if (Atomics.load(cell, closing) === 0) return await call();
    } finally {
      Atomics.store(cell, calling, 0);
      Atomics.notify(cell, calling);
    }
    return new Promise(() => undefined);
  };
}
