import { join } from 'node:path';
import { exitCodes } from '../domain/errors.js';
import {
  howToGet,
  installedOnnxRuntime,
  missingLibraries,
  providerFiles,
  readGpu,
} from '../onnx/cuda-libraries.js';
import { installCudaLibraries, type CudaInstallation } from '../onnx/install-cuda.js';

/**
 * `tagstream cuda install`: puts ONNX Runtime's CUDA libraries beside onnxruntime-node's own and says what else CUDA needs
 * on this machine.
 *
 * @param options what the command line gives (`from`); the rest has its defaults
 */
export async function cudaInstall(options: Partial<CudaInstallation> = {}): Promise<number> {
  const { runtime = installedOnnxRuntime() } = options;
  const shown = process.stderr.isTTY;
  // A signal ends pip, and what was put down so far is taken away.
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const isNew = await installCudaLibraries({
      shown,
      say: (message) => shown && process.stderr.write(`${message}\n`),
      signal: stopping.signal,
      ...options,
      runtime,
    });
    const what = `the CUDA libraries of ONNX Runtime ${runtime.version}`;
    print(isNew ? `installed ${what} in ${runtime.folder}` : `${what} are in ${runtime.folder} already`);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  await printWhatIsNext(join(runtime.folder, providerFiles[0]));
  return exitCodes.done;
}

/** Says what CUDA still needs, or that it can be used. */
async function printWhatIsNext(provider: string): Promise<void> {
  const gpu = await readGpu();
  print(
    gpu === undefined ? 'nvidia-smi finds no GPU here' : `${gpu.name}, ${gpu.memory}, driver ${gpu.driver}`,
  );
  const missing = missingLibraries(provider);
  print(
    missing.length > 0
      ? howToGet(missing)
      : 'the loader finds all that CUDA needs: set inference.provider to cuda and run "npx tagstream doctor"',
  );
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
