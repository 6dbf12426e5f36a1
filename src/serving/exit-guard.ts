/** Places in the memory that both threads share; each holds 0 or 1. */
const running = 0;
const closing = 1;

/**
 * Keeps a process from exiting in the middle of a model's run: ONNX Runtime would abort it (SIGABRT and a core dump),
 * whatever its exit code was to be. The worker's thread and the main thread have a gate each, over the same memory.
 */
export class ExitGuard {
  readonly #state: Int32Array<SharedArrayBuffer>;

  /** @param memory that of the other thread's gate */
  constructor(readonly memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.#state = new Int32Array(memory);
  }

  /** For the worker, which calls it for one run at a time. When the gate closes nothing begins, and this never resolves. */
  async pass<T>(run: () => Promise<T>): Promise<T> {
    // First said, then asked: so either this thread sees that the other closes, or the other that this one runs.
    Atomics.store(this.#state, running, 1);
    try {
      if (Atomics.load(this.#state, closing) === 0) return await run();
    } finally {
      Atomics.store(this.#state, running, 0);
      Atomics.notify(this.#state, running);
    }
    return new Promise(() => undefined);
  }

  /**
   * For the main thread: lets no run begin, and blocks until the one under way has ended.
   *
   * @param withinMs blocks no longer than this; a run that takes longer is not waited for
   */
  close(withinMs: number): void {
    Atomics.store(this.#state, closing, 1);
    Atomics.wait(this.#state, running, 1, withinMs);
  }
}
