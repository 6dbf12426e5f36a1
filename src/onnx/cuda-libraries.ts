import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { InfrastructureError } from '../domain/errors.js';

/** The only platform that ONNX Runtime's CUDA libraries are installed for here, as Node names it. */
export const cudaPlatform = 'linux x64';

/** What ONNX Runtime loads CUDA from. The first needs the second, so the second is put in its place before it. */
export const providerFiles = [
  'libonnxruntime_providers_cuda.so',
  'libonnxruntime_providers_shared.so',
] as const;
type ProviderFile = (typeof providerFiles)[number];

/** A build of ONNX Runtime's CUDA libraries: the wheel that holds them, and what they must be. */
export interface CudaRelease {
  /** The requirement that pip is given. */
  readonly requirement: string;
  /** The Python whose wheel is downloaded. Those of other Pythons hold builds of their own of the same code. */
  readonly python: string;
  /** The SHA-256 of each file: that of the wheel which is downloaded, then those of the other Pythons' wheels. */
  readonly hashes: Readonly<Record<ProviderFile, readonly string[]>>;
}

/** The builds that can be installed, by the version of onnxruntime-node they go with. */
export const cudaReleases: Readonly<Record<string, CudaRelease>> = {
  '1.30.0': {
    requirement: 'onnxruntime-gpu==1.30.0',
    python: '3.12',
    hashes: {
      'libonnxruntime_providers_cuda.so': [
        '35da2e7ed0dd0d1aec5cdb16ce11a51d06c0c48cf62d1b1c9332946a4fae14fc',
        '9d7587acb137b31bf84e4d32dc444b969bb601d098b01395effcacfe4341e364',
        'afd77f8d1e05544456476e244601ff08d444ff90921d6d73b2066c124f109bd2',
        '5fae6905867a8b4bf921cd998c5055460a602d24f4251fe61e3cbadcaff9a1c3',
        '0eb25d39348154516b638e792c9b30a5a91bbf7b72c2e09d3f68ada716ee6ce8',
        '966afce71a29ac18b1987f3dfb4c5fcda118f984ba7429ec66da986857c3c80d',
      ],
      'libonnxruntime_providers_shared.so': [
        '086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d',
      ],
    },
  },
};

/** The ONNX Runtime that is installed. */
export interface OnnxRuntime {
  readonly version: string;
  /** Where its library for Linux on x64 lies, and where the CUDA libraries belong. */
  readonly folder: string;
}

/** Where the ONNX Runtime of this installation is. */
export function installedOnnxRuntime(): OnnxRuntime {
  const description = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version: string };
  return { version, folder: join(dirname(description), 'bin/napi-v6/linux/x64') };
}

/** The SHA-256 of a file, in hexadecimal; `undefined` where there is no file. */
export async function hashOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Which of the CUDA libraries are not in a folder, or are not those of the release. */
export async function wrongProviderFiles(
  folder: string,
  { hashes }: CudaRelease,
): Promise<readonly ProviderFile[]> {
  const found = await Promise.all(providerFiles.map((name) => hashOf(join(folder, name))));
  return providerFiles.filter((name, index) => !hashes[name].includes(found[index] ?? ''));
}

/** PyPI's packages of the NVIDIA libraries, by the name the loader looks for. */
const packages: Readonly<Record<string, string>> = {
  'libcublas.so.13': 'nvidia-cublas~=13.0',
  'libcublasLt.so.13': 'nvidia-cublas~=13.0',
  'libcudart.so.13': 'nvidia-cuda-runtime~=13.0',
  'libcurand.so.10': 'nvidia-curand~=10.0',
  'libcudnn.so.9': 'nvidia-cudnn-cu13~=9.0',
  'libnvrtc.so.13': 'nvidia-cuda-nvrtc~=13.0',
};

/**
 * Which shared libraries a library needs and the system's loader would not find. Nothing is loaded.
 *
 * @throws InfrastructureError where the file is no shared library of this platform
 */
export function missingLibraries(
  path: string,
  searchPath = process.env['LD_LIBRARY_PATH'] ?? '',
): readonly string[] {
  const named = neededBy(path);
  // What is built for CUDA 13 does not name what it loads by itself: cuDNN, and what cuDNN compiles with.
  const needed = named.includes('libcudart.so.13') ? [...named, 'libcudnn.so.9', 'libnvrtc.so.13'] : named;
  const folders = [...searchPath.split(/[:;]/).filter((folder) => folder !== ''), ...defaultFolders];
  const cached = cachedLibraries();
  return [...new Set(needed)].filter(
    (name) => !cached.has(name) && !folders.some((folder) => existsSync(join(folder, name))),
  );
}

/** The oldest major version of NVIDIA's driver that runs CUDA 13. */
export const oldestDriver = 580;

/** What to do about libraries that are missing, as one sentence. */
export function howToGet(missing: readonly string[]): string {
  const wanted = [...new Set(missing.flatMap((name) => packages[name] ?? []))];
  const ways = [`the loader does not find ${missing.join(', ')}`];
  if (wanted.length > 0) {
    ways.push(
      `install CUDA 13 and cuDNN 9, or "python3 -m pip install --target DIR ${wanted.join(' ')}" and start ` +
        'tagstream with LD_LIBRARY_PATH=DIR/nvidia/cu13/lib:DIR/nvidia/cudnn/lib',
    );
  }
  if (missing.includes('libcuda.so.1')) {
    ways.push(`libcuda.so.1 comes with NVIDIA's driver, which must be ${oldestDriver} or newer`);
  }
  return ways.join('; ');
}

/**
 * Which files CUDA lacks, and what to do about it, as one sentence: ONNX Runtime's own libraries, else those of NVIDIA that
 * they need. Reading the first takes up to a second.
 *
 * @returns `undefined` where none is missing, or where no CUDA libraries are known for the version or the platform
 */
export async function findCudaProblem(
  { version, folder }: OnnxRuntime = installedOnnxRuntime(),
  { releases = cudaReleases, platform = `${process.platform} ${process.arch}` } = {},
): Promise<string | undefined> {
  const release = releases[version];
  if (release === undefined || platform !== cudaPlatform) return undefined;
  const wrong = await wrongProviderFiles(folder, release);
  if (wrong.length > 0) {
    const are = wrong.length === 1 ? 'is missing or of another version' : 'are missing or of another version';
    return `${wrong.join(' and ')} ${are}; run "npx tagstream cuda install"`;
  }
  const missing = missingLibraries(join(folder, providerFiles[0]));
  return missing.length > 0 ? howToGet(missing) : undefined;
}

/** Where the loader looks after LD_LIBRARY_PATH and its cache. */
const defaultFolders = ['/lib64', '/lib/x86_64-linux-gnu', '/lib'].flatMap((folder) => [
  folder,
  `/usr${folder}`,
]);

/** The names of the 64-bit libraries in the loader's cache; none where there is no ldconfig. */
function cachedLibraries(): ReadonlySet<string> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const { status, stdout } = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env });
  const lines = status === 0 ? stdout.split('\n').filter((line) => line.includes('x86-64')) : [];
  return new Set(lines.map((line) => line.trim().split(' ')[0] ?? ''));
}

/** The libraries that an ELF file names as needed (DT_NEEDED), in its order. */
function neededBy(path: string): readonly string[] {
  const file = openSync(path, 'r');
  const read = (position: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, position);
    return bytes;
  };
  try {
    const header = read(0, 64);
    // ELF, 64 bits, little-endian.
    if (header.readUInt32BE(0) !== 0x7f454c46 || header.readUInt16LE(4) !== 0x0102) {
      throw new InfrastructureError(`${path} is no shared library for Linux on x64`);
    }
    const segments = Array.from({ length: header.readUInt16LE(56) }, (_, index) =>
      read(word(header, 32) + index * header.readUInt16LE(54), 56),
    ).map((bytes) => ({
      type: bytes.readUInt32LE(0),
      position: word(bytes, 8),
      address: word(bytes, 16),
      length: word(bytes, 32),
    }));
    const dynamic = segments.find(({ type }) => type === 2);
    const table = dynamic === undefined ? Buffer.alloc(0) : read(dynamic.position, dynamic.length);
    const entries = Array.from({ length: Math.floor(table.length / 16) }, (_, index) => ({
      tag: word(table, index * 16),
      value: word(table, index * 16 + 8),
    }));
    const valueOf = (wanted: number): number => entries.find(({ tag }) => tag === wanted)?.value ?? 0;
    const at = valueOf(5);
    const holder = segments.find((s) => s.type === 1 && at >= s.address && at < s.address + s.length);
    const strings = holder ? read(at - holder.address + holder.position, valueOf(10)).toString('latin1') : '';
    return entries
      .filter(({ tag }) => tag === 1)
      .map(({ value }) => strings.slice(value, strings.indexOf('\0', value)));
  } finally {
    closeSync(file);
  }
}

/** A 64-bit number of an ELF file. */
const word = (bytes: Buffer, position: number): number => Number(bytes.readBigUInt64LE(position));

/** The first NVIDIA GPU, as its driver gives it. */
export interface Gpu {
  readonly name: string;
  /** With its unit, such as `81559 MiB`. */
  readonly memory: string;
  readonly driver: string;
}

/** Asks NVIDIA's driver for its first GPU; `undefined` where there is no driver or no GPU. */
export async function readGpu(command = 'nvidia-smi'): Promise<Gpu | undefined> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const { stdout } = await promisify(execFile)(command, query, { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  const [name, memory, driver] = (stdout.split('\n')[0] ?? '').split(', ');
  return name && memory && driver ? { name, memory, driver } : undefined;
}
