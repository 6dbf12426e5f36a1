import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InfrastructureError } from '../../src/domain/errors.js';
import {
  cudaReleases,
  findCudaProblem,
  howToGet,
  installedOnnxRuntime,
  missingLibraries,
  providerFiles,
  readGpu,
  wrongProviderFiles,
  type CudaRelease,
} from '../../src/onnx/cuda-libraries.js';

const scratch = mkdtempSync(join(tmpdir(), 'tagstream-cuda-libraries-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const newFolder = (): string => mkdtempSync(join(scratch, 'folder-'));
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

describe('the releases', () => {
  it('have the onnxruntime-node that is installed', () => {
    const { version } = installedOnnxRuntime();
    expect(cudaReleases[version]?.requirement).toBe(`onnxruntime-gpu==${version}`);
  });

  it('have at least one hash for each file', () => {
    for (const { hashes } of Object.values(cudaReleases)) {
      for (const name of providerFiles) {
        expect(hashes[name]).not.toEqual([]);
        for (const hash of hashes[name]) expect(hash).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });

  it('are those whose kernels the tests know', () => {
    const { version } = JSON.parse(readFileSync(new URL('cuda-kernels.json', import.meta.url), 'utf8')) as {
      readonly version: string;
    };
    expect(version).toBe(installedOnnxRuntime().version);
  });

  it('belong beside the library that onnxruntime-node loads', () => {
    expect(existsSync(join(installedOnnxRuntime().folder, 'libonnxruntime.so.1'))).toBe(true);
  });
});

describe('the files of a release', () => {
  const release: CudaRelease = {
    requirement: 'none==1',
    python: '3.12',
    hashes: {
      'libonnxruntime_providers_cuda.so': [sha256('for Python 3.12'), sha256('for Python 3.11')],
      'libonnxruntime_providers_shared.so': [sha256('shared')],
    },
  };

  it('are wrong where they are not there', async () => {
    expect(await wrongProviderFiles(newFolder(), release)).toEqual(providerFiles);
  });

  it('are wrong where they are other files', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, providerFiles[0]), 'of another version');
    writeFileSync(join(folder, providerFiles[1]), 'shared');
    expect(await wrongProviderFiles(folder, release)).toEqual([providerFiles[0]]);
  });

  it('are right with the hash of any of the wheels', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, providerFiles[0]), 'for Python 3.11');
    writeFileSync(join(folder, providerFiles[1]), 'shared');
    expect(await wrongProviderFiles(folder, release)).toEqual([]);
  });
});

describe('the libraries that are missing', () => {
  it('are those that are neither in the search path nor in the system', () => {
    const library = join(newFolder(), 'library.so');
    writeFileSync(library, elf(['libtagstream-there.so.1', 'libtagstream-nowhere.so.2']));
    const [empty, folder] = [newFolder(), newFolder()];
    writeFileSync(join(folder, 'libtagstream-there.so.1'), '');
    expect(missingLibraries(library, '')).toEqual(['libtagstream-there.so.1', 'libtagstream-nowhere.so.2']);
    expect(missingLibraries(library, `${empty}:${folder}`)).toEqual(['libtagstream-nowhere.so.2']);
  });

  it('count what CUDA loads only when it runs', () => {
    const folder = newFolder();
    const library = join(folder, 'library.so');
    writeFileSync(library, elf(['libcudart.so.13']));
    writeFileSync(join(folder, 'libcudart.so.13'), '');
    const later = ['libcudnn.so.9', 'libnvrtc.so.13'];
    expect(later).toEqual(expect.arrayContaining([...missingLibraries(library, folder)]));
    for (const name of later) writeFileSync(join(folder, name), '');
    expect(missingLibraries(library, folder)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    "are none for ONNX Runtime's own library, which runs here",
    () => {
      expect(missingLibraries(join(installedOnnxRuntime().folder, 'libonnxruntime.so.1'), '')).toEqual([]);
    },
  );

  it('are not told of a file that is no library', () => {
    const text = join(newFolder(), 'library.so');
    writeFileSync(text, 'version https://git-lfs.github.com/spec/v1'.repeat(2));
    expect(() => missingLibraries(text)).toThrow(InfrastructureError);
  });

  it('are told with the packages that hold them, each once, and the driver', () => {
    expect(howToGet(['libcublas.so.13', 'libcublasLt.so.13', 'libcudnn.so.9', 'libcuda.so.1'])).toBe(
      'the loader does not find libcublas.so.13, libcublasLt.so.13, libcudnn.so.9, libcuda.so.1; ' +
        'install CUDA 13 and cuDNN 9, or "python3 -m pip install --target DIR nvidia-cublas~=13.0 nvidia-cudnn-cu13~=9.0" ' +
        'and start tagstream with LD_LIBRARY_PATH=DIR/nvidia/cu13/lib:DIR/nvidia/cudnn/lib; ' +
        "libcuda.so.1 comes with NVIDIA's driver, which must be 580 or newer",
    );
    expect(howToGet(['libz.so.1'])).toBe('the loader does not find libz.so.1');
  });
});

describe('what keeps CUDA from being loaded', () => {
  const platform = 'linux x64';
  const library = elf(['libtagstream-nowhere.so.2']);
  const release: CudaRelease = {
    requirement: 'none==1',
    python: '3.12',
    hashes: {
      'libonnxruntime_providers_cuda.so': [sha256(library)],
      'libonnxruntime_providers_shared.so': [sha256('shared')],
    },
  };
  const problemIn = (folder: string, options = { releases: { 1: release }, platform }) =>
    findCudaProblem({ version: '1', folder }, options);

  it("is told of ONNX Runtime's own libraries first, then of those that they need", async () => {
    const folder = newFolder();
    const [cuda, shared] = providerFiles;
    expect(await problemIn(folder)).toBe(
      `${cuda} and ${shared} are missing or of another version; run "npx tagstream cuda install"`,
    );
    writeFileSync(join(folder, shared), 'shared');
    expect(await problemIn(folder)).toBe(
      `${cuda} is missing or of another version; run "npx tagstream cuda install"`,
    );
    writeFileSync(join(folder, cuda), library);
    expect(await problemIn(folder)).toBe('the loader does not find libtagstream-nowhere.so.2');
  });

  it('is not told where nothing is missing, or nothing is known', async () => {
    const folder = newFolder();
    const whole = elf([]);
    writeFileSync(join(folder, providerFiles[0]), whole);
    writeFileSync(join(folder, providerFiles[1]), 'shared');
    const hashes = { ...release.hashes, [providerFiles[0]]: [sha256(whole)] };
    expect(await problemIn(folder, { releases: { 1: { ...release, hashes } }, platform })).toBeUndefined();
    expect(
      await problemIn(newFolder(), { releases: { 1: release }, platform: 'darwin arm64' }),
    ).toBeUndefined();
    expect(await findCudaProblem({ version: '0', folder }, { releases: {}, platform })).toBeUndefined();
  });
});

describe("the driver's account of the GPU", () => {
  /** A program in the place of nvidia-smi that writes this. */
  const program = (output: string): string => {
    const path = join(newFolder(), 'nvidia-smi');
    writeFileSync(path, `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 });
    return path;
  };

  it('is that of the first', async () => {
    const gpus = 'NVIDIA H100 80GB HBM3, 81559 MiB, 580.95.05\nNVIDIA L4, 23034 MiB, 580.95.05';
    expect(await readGpu(program(gpus))).toEqual({
      name: 'NVIDIA H100 80GB HBM3',
      memory: '81559 MiB',
      driver: '580.95.05',
    });
  });

  it('is nothing without a GPU or a driver', async () => {
    expect(await readGpu(program('No devices were found'))).toBeUndefined();
    expect(await readGpu(join(scratch, 'nowhere'))).toBeUndefined();
  });
});

/** The smallest 64-bit ELF file that names these libraries: one loaded segment, in which the dynamic table lies. */
function elf(needed: readonly string[]): Buffer {
  const strings = Buffer.from(['', ...needed, ''].join('\0'), 'latin1');
  const base = 0x40_0000;
  const tableAt = 64 + 2 * 56;
  const entries = [
    ...needed.map((name) => [1, strings.indexOf(`\0${name}\0`) + 1]),
    [5, 0],
    [10, strings.length],
    [0, 0],
  ];
  const stringsAt = tableAt + entries.length * 16;
  const file = Buffer.concat([Buffer.alloc(stringsAt), strings]);
  const put = (at: number, value: number): number => file.writeBigUInt64LE(BigInt(value), at);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  put(32, 64);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  for (const [index, [type, at, length]] of [
    [1, 0, file.length],
    [2, tableAt, entries.length * 16],
  ].entries()) {
    const header = 64 + index * 56;
    file.writeUInt32LE(type!, header);
    put(header + 8, at!);
    put(header + 16, base + at!);
    put(header + 32, length!);
  }
  for (const [index, [tag, value]] of entries.entries()) {
    put(tableAt + index * 16, tag!);
    put(tableAt + index * 16 + 8, tag === 5 ? base + stringsAt : value!);
  }
  return file;
}
