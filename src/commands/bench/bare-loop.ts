import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../../config/load.js';
import { StoppedError } from '../../domain/errors.js';
import type { Provider } from '../../domain/provider.js';
import type { Request } from '../../serving/protocol.js';
import type { BenchReply, BenchTask, BenchThreadData } from './bench-protocol.js';

/** The compiled thread, as threads can't load TypeScript on every Node version: from `src` and from `dist` alike. */
const threadFile = new URL('../../../dist/commands/bench/bench-thread.js', import.meta.url);

/** A model's sessions without all that is around them, in a thread of their own. */
export interface BareLoop {
  /** The share of padding in what the text encoder computed on. */
  readonly padding: number;
  /** Runs the sessions once more on all that they were asked. @returns the seconds */
  replay(): Promise<number>;
  /** @returns the seconds of one run */
  time(task: Omit<Extract<BenchTask, { kind: 'time' }>, 'kind'>): Promise<number>;
  close(): Promise<void>;
}

/**
 * Has the model run batches once, in one thread, while what each of its sessions is asked is written down.
 *
 * @param requests the batches, as workers ran them
 * @param photos files of their photos, which the loop decodes itself
 * @throws StoppedError where the thread fails
 */
export async function startBareLoop(
  { model, inference: { threads } }: Config,
  provider: Provider,
  requests: readonly Request[],
  photos: readonly Uint8Array[] = [],
): Promise<BareLoop> {
  // As in serving/worker.ts: ONNX Runtime looks at the environment of the main thread.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  const options = { bundle: model.path, provider, threads, without: [], readText: false };
  const thread = new Worker(threadFile, {
    workerData: { options, requests, photos } satisfies BenchThreadData,
  });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));

  async function reply(): Promise<BenchReply> {
    const [message] = (await once(thread, 'message').catch((error: unknown) => {
      throw new StoppedError(`the bare loop failed: ${String(error)}`);
    })) as [BenchReply];
    if (message.kind === 'failed') throw new StoppedError(`the bare loop failed: ${message.problem}`);
    return message;
  }
  async function ask(task: BenchTask): Promise<number> {
    thread.postMessage(task);
    const message = await reply();
    return message.kind === 'done' ? message.seconds : NaN;
  }

  const ready = await reply();
  return {
    padding: ready.kind === 'ready' ? ready.padding : NaN,
    replay: () => ask({ kind: 'replay' }),
    time: (task) => ask({ kind: 'time', ...task }),
    async close() {
      thread.postMessage({ kind: 'close' } satisfies BenchTask);
      await exited;
    },
  };
}
