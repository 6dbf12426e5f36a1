const idle = 0;
const running = 1;
const shut = 2;

/**
 * Keeps a process from exiting in the middle of a model's run: ONNX Runtime would abort it (SIGABRT and a core dump),
 * whatever its exit code was to be. The worker's thread and the main thread share one number.
 */
export class RunGate {
  readonly #state: Int32Array<SharedArrayBuffer>;

  /** @param memory of the other thread's gate */
  constructor(readonly memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.#state = new Int32Array(memory);
  }

  /** For the worker: does one thing after the other. Once the gate is shut nothing begins, and this never resolves. */
  async pass<T>(run: () => Promise<T>): Promise<T> {
    if (Atomics.compareExchange(this.#state, 0, idle, running) === shut) return new Promise(() => undefined);
    try {
      return await run();
    } finally {
      Atomics.store(this.#state, 0, idle);
      Atomics.notify(this.#state, 0);
    }
  }

  /** For the main thread: blocks until what is under way has ended, for at most so many milliseconds, and shuts the gate. */
  shut(withinMs: number): void {
    const deadline = performance.now() + withinMs;
    while (Atomics.compareExchange(this.#state, 0, idle, shut) === running) {
      const left = deadline - performance.now();
      if (left <= 0 || Atomics.wait(this.#state, 0, running, left) === 'timed-out') return;
    }
  }
}
