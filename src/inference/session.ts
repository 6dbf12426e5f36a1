import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import type { Provider } from './protocol.js';

// ONNX Runtime would print its own account of a missing CUDA library beside the error it throws.
env.logLevel = 'fatal';

/** A tensor's values with its shape. */
export interface TensorData {
  readonly type: 'int64' | 'uint8' | 'float32';
  readonly data: BigInt64Array | Uint8Array | Float32Array;
  readonly shape: readonly number[];
}

/** A loaded ONNX model. `run` blocks its thread for the whole run, so it belongs in a worker. */
export interface Session {
  run(inputs: Readonly<Record<string, TensorData>>, output: string): Promise<Float32Array>;
  close(): Promise<void>;
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
export async function openSession(path: string, provider: Provider, threads: number): Promise<Session> {
  if (provider === 'cuda' && !listSupportedBackends().some((backend) => backend.name === 'cuda')) {
    throw new ProviderUnavailableError(`ONNX Runtime has no CUDA on ${process.platform} ${process.arch}`);
  }
  const session = await InferenceSession.create(path, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    logSeverityLevel: 4,
  }).catch((error: unknown) => {
    if (provider !== 'cuda') throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ProviderUnavailableError(`CUDA cannot be loaded: ${reason}`);
  });
  return {
    async run(inputs, output) {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { type, data, shape }]) => [
          name,
          new Tensor(type, data, [...shape]),
        ]),
      );
      const results = await session.run(feeds, [output]);
      return results[output]?.data as Float32Array;
    },
    close: () => session.release(),
  };
}
