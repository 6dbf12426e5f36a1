import { Worker } from 'node:worker_threads';
import { ConfigurationError, InfrastructureError } from '../domain/errors.js';
import type { ModelDescription, ModelOptions } from '../model/model.js';
import { createCell, ExitGuard } from './exit-guard.js';
import type { FromWorker, Request, Responses, ToWorker, WorkerData } from './protocol.js';

/**
 * The compiled worker. Threads can't load TypeScript on every Node version that is supported, so this path
 * leads to `dist` from `src` (tests) and from `dist` alike.
 */
const workerFile = new URL('../../dist/serving/worker-thread.js', import.meta.url);

/** An exit waits 1.5 s for calls under way: less than after which `signals.ts` kills the process. */
const exitGuard = new ExitGuard(1_500);

/** The main thread's end of a worker: a thread with a model of its own. */
export interface WorkerClient {
  readonly model: ModelDescription;
  /** Settles with an error when the worker dies unasked; never resolves otherwise. */
  readonly died: Promise<never>;
  /** Milliseconds that the request under way has run; 0 where there is none. */
  waitingMs(): number;
  /** Requests that are not answered yet. */
  readonly pending: number;
  /**
   * Runs one request after those sent before it.
   *
   * @throws InfrastructureError when the run fails or the worker has ended, whether before or meanwhile.
   */
  run<R extends Request>(request: R): Promise<{ response: Responses[R['kind']]; seconds: number }>;
  /** Lets the worker finish what it has and end by itself. */
  close(): Promise<void>;
}

interface Pending {
  /** When the worker came to it: when it was sent, or when the one before was answered. */
  startedAt: number;
  resolve(done: { response: never; seconds: number }): void;
  reject(error: Error): void;
}

/**
 * Starts the worker and waits until its models are loaded and warm.
 *
 * @throws ConfigurationError when the provider or the bundle can't be used.
 */
export async function startWorker(options: ModelOptions): Promise<WorkerClient> {
  // ONNX Runtime reports its use to a collector of its vendor, and keeps what it has to report in the home folder. Its
  // library looks at the process's environment, which only the main thread writes to: a worker's is a copy.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  const guard = createCell();
  const worker = new Worker(workerFile, { workerData: { options, guard } satisfies WorkerData });
  const unguard = exitGuard.add(guard);
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  void exited.then(unguard);
  const ready = await new Promise<Extract<FromWorker, { type: 'ready' }>>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () =>
      reject(new InfrastructureError('the inference worker ended while it was loading')),
    );
    worker.once('message', (message: FromWorker) => {
      if (message.type === 'ready') resolve(message);
      else if (message.type === 'refused') reject(new ConfigurationError(message.faults));
    });
  });

  const pending = new Map<number, Pending>();
  let nextId = 0;
  let closing = false;
  /** What the worker ended of: nothing sent to it after that is ever answered. */
  let end: InfrastructureError | undefined;

  const died = new Promise<never>((_, reject) => {
    const fail = (why: string) => {
      end ??= new InfrastructureError(`the inference worker ${closing ? 'was closed' : 'died'}: ${why}`);
      for (const { reject: rejectRun } of pending.values()) rejectRun(end);
      pending.clear();
      if (!closing) reject(end);
    };
    worker.on('error', (error) => fail(error.message));
    worker.on('exit', (code) => fail(`exit code ${code}`));
  });
  // Whoever needs to know awaits `died`; a worker nobody watches must not end the process by itself.
  died.catch(() => undefined);

  worker.on('message', (message: FromWorker) => {
    if (message.type !== 'done' && message.type !== 'failed') return;
    const run = pending.get(message.id);
    pending.delete(message.id);
    const [next] = pending.values();
    if (next !== undefined) next.startedAt = performance.now();
    if (message.type === 'done')
      run?.resolve({ response: message.response as never, seconds: message.seconds });
    else run?.reject(new InfrastructureError(`the model could not run: ${message.problem}`));
  });

  return {
    model: ready.model,
    died,
    get pending() {
      return pending.size;
    },
    waitingMs() {
      const [oldest] = pending.values();
      return oldest === undefined ? 0 : performance.now() - oldest.startedAt;
    },
    run(request) {
      if (end !== undefined) return Promise.reject(end);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        worker.postMessage({ type: 'run', id, request } satisfies ToWorker);
        pending.set(id, { startedAt: performance.now(), resolve, reject });
      });
    },
    async close() {
      closing = true;
      worker.postMessage({ type: 'close' } satisfies ToWorker);
      await exited;
    },
  };
}
