import { realpathSync } from 'node:fs';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { Provider } from '../domain/provider.js';

// ONNX Runtime would print its own account of a missing CUDA library beside the error it throws.
env.logLevel = 'fatal';

/** The arrays that hold a tensor's values, by ONNX's name of their type. */
interface Arrays {
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly float32: Float32Array;
}
export type ElementType = keyof Arrays;

/** A tensor's values, rows first, with its shape. */
export type TensorData = {
  readonly [T in ElementType]: {
    readonly type: T;
    readonly data: Arrays[T];
    readonly shape: readonly number[];
  };
}[ElementType];

/** A loaded ONNX model. `run` blocks its thread for the whole run, so it belongs in a worker. */
export interface Session {
  /**
   * Runs the model once.
   *
   * @param inputs a tensor for each of the model's inputs. Their arrays are read in place, not copied.
   * @param outputs the outputs that are wanted, each with the type of its values
   * @returns the values of each of them, rows first
   * @throws TypeError when the model gives an output of another type
   */
  run<O extends Readonly<Record<string, ElementType>>>(
    inputs: Readonly<Record<string, TensorData>>,
    outputs: O,
  ): Promise<{ readonly [Name in keyof O]: Arrays[O[Name]] }>;
  close(): Promise<void>;
}

/** A run of a session: which model, on what, and what it is asked. */
export interface SessionRun {
  readonly path: string;
  readonly provider: Provider;
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly outputs: Readonly<Record<string, ElementType>>;
}

/**
 * Makes one call of ONNX Runtime. A process that exits in the middle of one is aborted, so a thread can have its calls
 * go by a guard. Where the call is a run, it is told which.
 */
export type NativeCall = <T>(call: () => Promise<T>, run?: SessionRun) => Promise<T>;

export interface SessionOptions {
  readonly provider: Provider;
  /** Threads that one run may use; 0: as many as there are cores. */
  readonly threads: number;
  readonly during?: NativeCall;
}

/** CUDA was asked for and cannot be had; the message says what to do. */
export class ProviderUnavailableError extends Error {
  override readonly name = 'ProviderUnavailableError';
}

/**
 * Opens a model on one execution provider.
 *
 * @throws ProviderUnavailableError when the provider's libraries or device are missing.
 */
export async function openSession(
  path: string,
  { provider, threads, during = (call) => call() }: SessionOptions,
): Promise<Session> {
  if (provider === 'cuda' && !listSupportedBackends().some((backend) => backend.name === 'cuda')) {
    throw new ProviderUnavailableError(`ONNX Runtime has no CUDA on ${process.platform} ${process.arch}`);
  }
  const create = () =>
    // ONNX Runtime takes no weights from outside the graph's folder, and does not follow a link to where they are.
    InferenceSession.create(realpathSync(path), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      // Threads that spin while they wait take the cores from the main thread: 175 posts a second instead of 99.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      logSeverityLevel: 4,
    });
  const session = await during(create).catch((error: unknown) => {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    // A damaged file is not the provider's fault.
    if (provider !== 'cuda' || !/cuda|provider/i.test(reason)) throw error;
    throw new ProviderUnavailableError(`CUDA cannot be loaded: ${reason}`);
  });
  return {
    async run(inputs, outputs) {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { type, data, shape }]) => [
          name,
          new Tensor(type, data, [...shape]),
        ]),
      );
      const results = await during(() => session.run(feeds, Object.keys(outputs)), {
        path,
        provider,
        inputs,
        outputs,
      });
      const values = Object.entries(outputs).map(([name, type]) => {
        const result = results[name];
        if (result?.type === type) return [name, result.data];
        throw new TypeError(
          `the model's output ${name} is ${result?.type ?? 'not there'} instead of ${type}`,
        );
      });
      // The types of the values have just been checked one by one, which the compiler can't follow.
      return Object.fromEntries(values) as { [Name in keyof typeof outputs]: never };
    },
    close: () => during(() => session.release()),
  };
}
