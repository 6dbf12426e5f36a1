import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { cudaInstall } from '../../src/commands/cuda.js';
import { exitCodes, InfrastructureError, InputError, StoppedError } from '../../src/domain/errors.js';
import {
  installedOnnxRuntime,
  providerFiles,
  wrongProviderFiles,
  cudaReleases,
} from '../../src/onnx/cuda-libraries.js';
import { installCudaLibraries } from '../../src/onnx/install-cuda.js';

const scratch = mkdtempSync(join(tmpdir(), 'tagstream-install-cuda-'));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const [cuda, shared] = providerFiles;
/** The two libraries: the first as much of an ELF file as it takes to need no others. */
const contents = { [cuda]: '\x7fELF\x02\x01'.padEnd(64, '\0'), [shared]: 'shared' };
const version = '9.9.9';
const releases = {
  [version]: {
    requirement: `onnxruntime-gpu==${version}`,
    python: '3.12',
    hashes: {
      'libonnxruntime_providers_cuda.so': [sha256(contents[cuda])],
      'libonnxruntime_providers_shared.so': [sha256(contents[shared])],
    },
  },
};
const platform = 'linux x64';
const withPip = describe.skipIf(spawnSync('python3', ['-m', 'pip', '--version']).status !== 0);

/** A folder as that of onnxruntime-node's library. */
function runtimeFolder(): string {
  const folder = mkdtempSync(join(scratch, 'runtime-'));
  writeFileSync(join(folder, 'libonnxruntime.so.1'), 'the CPU library');
  return folder;
}

/** A wheel with these libraries, under the name that pip looks for. */
function wheel(libraries: Readonly<Record<string, string>> = contents): string {
  const folder = mkdtempSync(join(scratch, 'wheel-'));
  const tree = join(folder, 'tree');
  const description = join(tree, `onnxruntime_gpu-${version}.dist-info`);
  mkdirSync(join(tree, 'onnxruntime/capi'), { recursive: true });
  mkdirSync(description);
  writeFileSync(
    join(description, 'METADATA'),
    `Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: ${version}\n`,
  );
  writeFileSync(join(description, 'WHEEL'), 'Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_28_x86_64\n');
  writeFileSync(join(description, 'RECORD'), '');
  for (const [name, content] of Object.entries(libraries)) {
    writeFileSync(join(tree, 'onnxruntime/capi', name), content);
  }
  const path = join(folder, `onnxruntime_gpu-${version}-cp312-cp312-manylinux_2_28_x86_64.whl`);
  const members = ['onnxruntime', `onnxruntime_gpu-${version}.dist-info`];
  execFileSync('python3', ['-m', 'zipfile', '-c', path, ...members], { cwd: tree });
  return path;
}

const install = (folder: string, more: Partial<Parameters<typeof installCudaLibraries>[0]> = {}) =>
  installCudaLibraries({ runtime: { version, folder }, releases, platform, ...more });

withPip('installing CUDA from a wheel', () => {
  it('puts the libraries beside that of ONNX Runtime, in the place of others, and nothing else, once', async () => {
    const folder = runtimeFolder();
    writeFileSync(join(folder, cuda), 'of CUDA 12');
    expect(await install(folder, { from: wheel() })).toBe(true);
    expect(await wrongProviderFiles(folder, releases[version])).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['libonnxruntime.so.1', ...providerFiles].sort());
    expect(await install(folder, { from: '/not/read.whl' })).toBe(false);
  });

  it.each([
    [
      'whose library is another',
      () => wheel({ ...contents, [cuda]: 'changed' }),
      /the SHA-256 of its .* and should be .{64}; give a wheel of /,
    ],
    ['that lacks a library', () => wheel({ [cuda]: contents[cuda] }), /libonnxruntime_providers_shared\.so/],
    ['that is damaged', () => damaged(wheel()), /Error -3 while decompressing/],
    ['that is no wheel', () => fileOf('<html>404</html>'), /not a zip file/],
    ['that is not there', () => '/nowhere.whl', /ENOENT/],
    ['that is a folder', () => scratch, /it is no file/],
  ])('refuses one %s, and leaves all as it was', async (_what, from, problem) => {
    const folder = runtimeFolder();
    writeFileSync(join(folder, cuda), 'of CUDA 12');
    const failure = await install(folder, { from: from() }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    expect((failure as Error).message).toMatch(problem);
    expect(readdirSync(folder).sort()).toEqual(['libonnxruntime.so.1', cuda].sort());
    expect(readFileSync(join(folder, cuda), 'utf8')).toBe('of CUDA 12');
  });
});

withPip('installing CUDA with pip', () => {
  it('takes what pip downloads, by the settings that pip has', async () => {
    const folder = runtimeFolder();
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', join(wheel(), '..'));
    const said: string[] = [];
    expect(await install(folder, { say: (message) => said.push(message) })).toBe(true);
    expect(said[0]).toBe('downloading onnxruntime-gpu==9.9.9 with pip (250 MB)');
    expect(readdirSync(folder).sort()).toEqual(['libonnxruntime.so.1', ...providerFiles].sort());
  });

  it('says what pip said, and how to do without a network', async () => {
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', scratch);
    const folder = runtimeFolder();
    await expect(install(folder)).rejects.toThrow(
      /^pip could not download onnxruntime-gpu==9\.9\.9: ERROR: No matching distribution found .*--from$/,
    );
    expect(readdirSync(folder)).toEqual(['libonnxruntime.so.1']);
  });

  it('refuses what pip downloads where its hash is another', async () => {
    vi.stubEnv('PIP_NO_INDEX', '1');
    vi.stubEnv('PIP_FIND_LINKS', join(wheel({ ...contents, [cuda]: 'changed' }), '..'));
    const folder = runtimeFolder();
    const failure = await install(folder).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InfrastructureError);
    expect((failure as Error).message).toMatch(
      /the SHA-256 of its .*; run this again, with "pip cache purge" before it$/,
    );
    expect(readdirSync(folder)).toEqual(['libonnxruntime.so.1']);
  });

  it('says what to install where there is no pip, or no Python', async () => {
    const bare = mkdtempSync(join(scratch, 'python-'));
    execFileSync('python3', ['-m', 'venv', '--without-pip', bare]);
    const withoutPip = install(runtimeFolder(), { python: join(bare, 'bin/python3') });
    await expect(withoutPip).rejects.toThrow(/No module named pip; install pip/);
    const withoutPython = install(runtimeFolder(), { python: '/nowhere/python3' });
    await expect(withoutPython).rejects.toThrow(InfrastructureError);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const folder = runtimeFolder();
    await expect(install(folder, { signal: AbortSignal.abort() })).rejects.toThrow(StoppedError);
    expect(readdirSync(folder)).toEqual(['libonnxruntime.so.1']);
  });

  it('downloads the release of the ONNX Runtime that is installed', { timeout: 600_000 }, async (context) => {
    if (process.env['REQUIRE_CUDA_WHEEL'] !== '1') {
      return context.skip('REQUIRE_CUDA_WHEEL=1 is not set: 250 MB are not downloaded');
    }
    const runtime = { version: installedOnnxRuntime().version, folder: runtimeFolder() };
    expect(await installCudaLibraries({ runtime, platform })).toBe(true);
    expect(await wrongProviderFiles(runtime.folder, cudaReleases[runtime.version]!)).toEqual([]);
  });
});

withPip('installing CUDA', () => {
  it('is refused where no CUDA is known for the machine or the version', async () => {
    const folder = runtimeFolder();
    await expect(install(folder, { platform: 'darwin arm64' })).rejects.toThrow(/this is darwin arm64/);
    const old = install('', { runtime: { version: '1.29.0', folder } });
    await expect(old).rejects.toThrow(
      /no known CUDA libraries for onnxruntime-node 1\.29\.0, only for 9\.9\.9/,
    );
  });

  it('says so where the folder cannot be written', async () => {
    const folder = runtimeFolder();
    // Rights do not keep root out, but nobody can add to /proc.
    if (process.getuid?.() !== 0) chmodSync(folder, 0o555);
    const closed = process.getuid?.() === 0 ? '/proc' : folder;
    await expect(install(closed, { from: wheel() })).rejects.toThrow(
      /cannot be written: .*run this as the user/,
    );
  });

  it('ends with what was done and what CUDA still needs', async () => {
    const folder = runtimeFolder();
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const run = () => cudaInstall({ runtime: { version, folder }, releases, platform, from: wheel() });
    const codes = [await run(), await run()];
    const lines = written.mock.calls.map(([line]) => String(line));
    written.mockRestore();
    expect(codes).toEqual([exitCodes.done, exitCodes.done]);
    expect(lines[0]).toBe(`installed the CUDA libraries of ONNX Runtime 9.9.9 in ${folder}\n`);
    expect(lines[2]).toMatch(/^the loader finds all that CUDA needs: /);
    expect(lines[3]).toBe(`the CUDA libraries of ONNX Runtime 9.9.9 are in ${folder} already\n`);
  });
});

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function fileOf(content: string): string {
  const path = join(mkdtempSync(join(scratch, 'file-')), 'file.whl');
  writeFileSync(path, content);
  return path;
}

/** A wheel with the first byte of a library changed, as a broken download has it. */
function damaged(path: string): string {
  const bytes = readFileSync(path);
  bytes[bytes.indexOf(cuda) + cuda.length] = 0xff;
  writeFileSync(path, bytes);
  return path;
}
