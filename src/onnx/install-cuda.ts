import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InfrastructureError, InputError, StoppedError } from '../domain/errors.js';
import {
  cudaPlatform,
  cudaReleases,
  hashOf,
  providerFiles,
  wrongProviderFiles,
  type CudaRelease,
  type OnnxRuntime,
} from './cuda-libraries.js';

/** What to install, and how. */
export interface CudaInstallation {
  readonly runtime: OnnxRuntime;
  /** A wheel that was downloaded before; without one pip downloads it. */
  readonly from?: string | undefined;
  /** The releases whose hashes are known. */
  readonly releases?: Readonly<Record<string, CudaRelease>>;
  /** The operating system and processor, as Node names them. */
  readonly platform?: string;
  /** The Python whose pip downloads the wheel, and which unpacks it. */
  readonly python?: string;
  /** Whether pip's own progress is shown on standard error. */
  readonly shown?: boolean;
  /** Is told what comes next. */
  readonly say?: (message: string) => void;
  /** Ends the installation; what it has put down so far is taken away again. */
  readonly signal?: AbortSignal;
}

/** Takes members out of a wheel into a folder; exits with 65 where the wheel is not what it should be. */
const unpacker = `
import sys, zipfile, zlib
try:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        for name in sys.argv[3:]:
            wheel.extract(name, sys.argv[2])
except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as fault:
    print(fault.args[0] if fault.args else 'it ends too early', file=sys.stderr)
    sys.exit(65)
`;
const unusableWheel = 65;

/**
 * Puts ONNX Runtime's CUDA libraries beside its own, unless they are there already. They are checked against the hashes
 * of their release before they take their place.
 *
 * @returns whether they were put there now
 * @throws InputError where the wheel that was given cannot be used
 * @throws InfrastructureError where they cannot be had, or not be put there
 * @throws StoppedError when the signal came first
 */
export async function installCudaLibraries(request: CudaInstallation): Promise<boolean> {
  const { runtime, releases = cudaReleases, platform = `${process.platform} ${process.arch}` } = request;
  if (platform !== cudaPlatform) {
    throw new InfrastructureError(
      `ONNX Runtime's CUDA libraries are for Linux on x64, and this is ${platform}: leave inference.provider at cpu`,
    );
  }
  const release = releases[runtime.version];
  if (release === undefined) {
    throw new InfrastructureError(
      `there are no known CUDA libraries for onnxruntime-node ${runtime.version}, only for ${Object.keys(releases).join(', ')}: ` +
        'run "npm ci" to have the version of the lock file',
    );
  }
  if ((await wrongProviderFiles(runtime.folder, release)).length === 0) return false;

  const staging = await createStaging(runtime.folder);
  try {
    const wheel = request.from ?? (await download(release, staging, request));
    request.say?.('unpacking the wheel');
    await unpack(wheel, staging, release, request);
    for (const name of providerFiles.toReversed()) {
      await rename(join(staging, 'onnxruntime/capi', name), join(runtime.folder, name));
    }
    return true;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** A folder beside the libraries, so that they can take their place at once, and on the same disk. */
async function createStaging(folder: string): Promise<string> {
  return mkdtemp(join(folder, '.cuda-')).catch((error: unknown) => {
    throw new InfrastructureError(
      `${folder} cannot be written: ${(error as Error).message}; run this as the user that ran "npm ci"`,
      { cause: error },
    );
  });
}

/** What pip is asked, but for the place: the wheel of one Python for Linux on x64, whatever Python asks for it. */
const pipArguments = ({ requirement, python }: CudaRelease): readonly string[] => [
  '-m',
  'pip',
  'download',
  '--no-deps',
  '--only-binary=:all:',
  '--platform=manylinux_2_28_x86_64',
  '--implementation=cp',
  `--python-version=${python}`,
  requirement,
];

async function download(release: CudaRelease, staging: string, request: CudaInstallation): Promise<string> {
  request.say?.(`downloading ${release.requirement} with pip (250 MB)`);
  const options = ['--disable-pip-version-check', `--dest=${staging}`];
  const { code, problem } = await runPython([...pipArguments(release), ...options], request);
  if (code !== 0) {
    const remedy = problem.endsWith('No module named pip')
      ? "install pip, such as Debian's package python3-pip"
      : "check the network and pip's settings";
    throw new InfrastructureError(
      `pip could not download ${release.requirement}: ${problem}; ${remedy}, or run ` +
        `"python3 ${pipArguments(release).join(' ')}" elsewhere and give the file with --from`,
    );
  }
  const wheel = (await readdir(staging)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new InfrastructureError(`pip downloaded no wheel of ${release.requirement}`);
  return join(staging, wheel);
}

/** Takes the libraries out of a wheel and checks them. */
async function unpack(
  wheel: string,
  staging: string,
  release: CudaRelease,
  request: CudaInstallation,
): Promise<void> {
  const refuse = (problem: string): Error => {
    const message = `${wheel} cannot be used: ${problem}`;
    return request.from === undefined
      ? new InfrastructureError(`${message}; run this again, with "pip cache purge" before it`)
      : new InputError(`${message}; give a wheel of ${release.requirement} for Linux on x64`);
  };
  const found = await stat(wheel).catch((error: unknown) => {
    throw refuse((error as Error).message);
  });
  if (!found.isFile()) throw refuse('it is no file');
  const members = providerFiles.map((name) => `onnxruntime/capi/${name}`);
  const { code, problem } = await runPython(['-c', unpacker, wheel, staging, ...members], request);
  if (code === unusableWheel) throw refuse(problem);
  if (code !== 0) throw new InfrastructureError(`${wheel} cannot be unpacked: ${problem}`);

  const capi = join(staging, 'onnxruntime/capi');
  for (const name of await wrongProviderFiles(capi, release)) {
    throw refuse(
      `the SHA-256 of its ${name} is ${(await hashOf(join(capi, name))) ?? 'unknown'} and should be ${release.hashes[name].join(' or ')}`,
    );
  }
}

/** How a run of Python ended: what it said last of what went wrong. */
interface Ended {
  readonly code: number | null;
  readonly problem: string;
}

async function runPython(options: readonly string[], request: CudaInstallation): Promise<Ended> {
  const { python = 'python3', shown = false, signal } = request;
  return new Promise((resolve, reject) => {
    // pip draws its bar on its standard output, where this command has its result.
    const child = spawn(python, options, { stdio: ['ignore', shown ? 2 : 'ignore', 'pipe'], signal });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-8_192)));
    child.once('error', (error) => {
      if (signal?.aborted === true)
        return reject(new StoppedError('stopped: no CUDA libraries were installed'));
      reject(
        new InfrastructureError(
          `${python} cannot be run (${error.message}): install Python 3 with pip, such as Debian's packages python3 and python3-pip`,
          { cause: error },
        ),
      );
    });
    child.once('close', (code) => resolve({ code, problem: lastProblem(said) }));
  });
}

/** The last line that tells of an error, else the last of all. */
function lastProblem(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /error|no module/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}
