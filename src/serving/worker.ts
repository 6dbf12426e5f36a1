import { Worker } from 'node:worker_threads';
import { ConfigurationError, InfrastructureError } from '../domain/errors.js';
import type { Provider } from '../domain/provider.js';
import type { FromWorker, Request, Responses, ToWorker, WorkerData, WorkerOptions } from './protocol.js';
import { ExitGuard } from './exit-guard.js';

/**
 * The compiled worker. Threads can't load TypeScript on every Node version that is supported, so this path
 * leads to `dist` from `src` (tests) and from `dist` alike.
 */
const workerFile = new URL('../../dist/serving/worker-thread.js', import.meta.url);

/** Milliseconds that the process's exit waits for the run under way: less than after which `signals.ts` kills it. */
const exitWaitMs = 1_500;

/** The main thread's end of the inference worker. */
export interface WorkerClient {
  readonly provider: Provider;
  /** Why `auto` did not take CUDA. */
  readonly note: string | undefined;
  /** Settles with an error when the worker dies unasked; never resolves otherwise. */
  readonly died: Promise<never>;
  /** Milliseconds since the oldest unanswered request was sent; 0 where there is none. */
  waitingMs(): number;
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
  readonly sentAt: number;
  resolve(done: { response: never; seconds: number }): void;
  reject(error: Error): void;
}

/**
 * Starts the worker and waits until its models are loaded and warm.
 *
 * @throws ConfigurationError when the provider or the bundle can't be used.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerClient> {
  // ONNX Runtime reports its use to a collector of its vendor, and keeps what it has to report in the home folder. Its
  // library looks at the process's environment, which only the main thread writes to: a worker's is a copy.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  const gate = new ExitGuard();
  const worker = new Worker(workerFile, {
    workerData: { options, gate: gate.memory } satisfies WorkerData,
  });
  const closeGate = (): void => gate.close(exitWaitMs);
  process.once('exit', closeGate);
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  void exited.then(() => process.off('exit', closeGate));
  const ready = await new Promise<Extract<FromWorker, { type: 'ready' }>>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () =>
      reject(new InfrastructureError('the inference worker ended while it was loading')),
    );
    worker.once('message', (message: FromWorker) => {
      if (message.type === 'ready') resolve(message);
      else if (message.type === 'refused') reject(refusal(options, message));
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
    if (message.type === 'done')
      run?.resolve({ response: message.response as never, seconds: message.seconds });
    else run?.reject(new InfrastructureError(`the model could not run: ${message.problem}`));
  });

  return {
    provider: ready.provider,
    note: ready.note,
    died,
    waitingMs() {
      const [oldest] = pending.values();
      return oldest === undefined ? 0 : performance.now() - oldest.sentAt;
    },
    run(request) {
      if (end !== undefined) return Promise.reject(end);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        pending.set(id, { sentAt: performance.now(), resolve, reject });
        worker.postMessage({ type: 'run', id, request } satisfies ToWorker);
      });
    },
    async close() {
      closing = true;
      worker.postMessage({ type: 'close' } satisfies ToWorker);
      await exited;
    },
  };
}

function refusal(
  { bundle }: WorkerOptions,
  { key, problem }: Extract<FromWorker, { type: 'refused' }>,
): Error {
  const problems = {
    'inference.provider': `${problem}. Install ONNX Runtime’s CUDA libraries and a driver (README, “GPU”), or set auto or cpu`,
    'images.readText': `${problem}. Install it (npm install --include=optional), or set false`,
    'model.path': `the models in ${bundle} can’t be loaded: ${problem}`,
  };
  return new ConfigurationError([{ key, problem: problems[key] }]);
}
