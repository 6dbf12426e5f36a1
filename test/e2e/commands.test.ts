import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { withTextModels } from '../docs/error-makers.js';
import { startTagstream, tagstream } from '../support/agent-process.js';
import { startImageServer } from '../support/image-server.js';

const demoFolder = fileURLToPath(new URL('../../assets/demo/', import.meta.url));

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-commands-'))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(name: string, lines: readonly unknown[]): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );
  return file;
}

const manyPosts = Array.from({ length: 5_000 }, (_, id) => ({
  id: String(id),
  text: `post ${id} of many`,
  keyphrases: ['x'],
}));

/** Changes a file in a folder that is given. */
const changeFile = (name: string, change: (text: string) => string) => (at: string) => {
  writeFileSync(join(at, name), change(readFileSync(join(at, name), 'utf8')));
};

const linesOf = (text: string) => text.split('\n').slice(0, -1);
const tagsOf = (lines: readonly string[]) =>
  lines.map((line) => (JSON.parse(line) as TaggedPost).keyphrases.map(({ phrase }) => phrase));

describe('tagstream tag', () => {
  it('gives one line a post, in order, and an error in the place of a line that is none', async () => {
    const file = fileWith('mixed.ndjson', [
      { id: 'a', text: 'hello world' },
      'nonsense',
      { id: 'c', text: 'good night' },
    ]);
    const { code, stdout, stderr } = await tagstream(['tag', file]);
    expect(code).toBe(2);
    const lines = linesOf(stdout).map(
      (line) => JSON.parse(line) as { id?: string; error?: { code: string } },
    );
    expect(lines.map(({ id, error }) => id ?? error?.code)).toEqual(['a', 'not_json', 'c']);
    expect(stderr).toContain('line 2: not_json');
  });

  it('gives an error in the place of a line over 64 MiB, and tags the next', async () => {
    const file = fileWith('long.ndjson', ['x'.repeat(2 ** 26 + 1), { id: 'after', text: 'good night' }]);
    const { code, stdout, stderr } = await tagstream(['tag', file]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('long.ndjson, line 1: invalid_post: the line'),
    ]);
    expect(linesOf(stdout).map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { error: { code: 'invalid_post' }, line: 1 },
      { id: 'after' },
    ]);
  });

  it('reads standard input', async () => {
    const { code, stdout, stderr } = await tagstream(['tag', '-'], {}, '{"id":"1","text":"my cat"}\r\n');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ id: '1', image: { used: false, reason: 'none' } });
  });

  it('tags one post from the command line, with its image', async () => {
    const { code, stdout } = await tagstream([
      'tag',
      '--text',
      'who is this?',
      '--image',
      `${demoFolder}photos/cat.jpg`,
    ]);
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as TaggedPost;
    expect(result.image).toMatchObject({ used: true, regions: { rows: 7, columns: 7 } });
    expect(result.entities.map(({ label }) => label).join()).toContain('cat');
  });

  it('refuses an image on the command line that is not there', async () => {
    const { code, stdout, stderr } = await tagstream([
      'tag',
      '--text',
      'who is this?',
      '--image',
      'nobody.jpg',
    ]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/nobody\.jpg cannot be read: ENOENT/);
  });

  it.each([
    ['', /^tagstream: --image is empty: give a path or a URL\n$/],
    [demoFolder, /assets\/demo cannot be read: it is a folder\n$/],
  ])('refuses what can be no image on the command line: "%s"', async (image, message) => {
    const { code, stdout, stderr } = await tagstream(['tag', '--text', 'who is this?', '--image', image]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it.each<[string, (at: string) => void]>([
    ['an empty detector', changeFile('assets/ch_PP-OCRv4_det_infer.onnx', () => '')],
    [
      'no dictionary',
      (at) => {
        rmSync(join(at, 'assets/ppocr_keys_v1.txt'));
      },
    ],
    ['an empty dictionary', changeFile('assets/ppocr_keys_v1.txt', () => '')],
    [
      'a dictionary without its first line',
      changeFile('assets/ppocr_keys_v1.txt', (text) => text.slice(text.indexOf('\n') + 1)),
    ],
    [
      'no node.js',
      (at) => {
        rmSync(join(at, 'node.js'));
      },
    ],
    ['no export "./node"', changeFile('package.json', (text) => text.replace('./node"', './deno"'))],
    ['a node.js that names no files', changeFile('node.js', () => 'export default {}')],
  ])('refuses a package for reading text in images that has %s', async (_, change) => {
    const { code, message } = await withTextModels(change)(mkdtempSync(join(folder, 'text-models-')));
    expect(message).toMatch(
      /images\.readText: the package @gutenye\/ocr-models can’t be used \(.+\): remove .+ \(npm install/,
    );
    expect(code).toBe(78);
  });

  it('reads the text that an image shows, where it is asked to', async () => {
    const poster = fileURLToPath(new URL('../fixtures/poster.png', import.meta.url));
    const args = ['tag', '--text', 'see you there', '--image', poster];
    const [off, on] = await Promise.all([
      tagstream(args),
      tagstream(args, { TAGSTREAM_IMAGES_READ_TEXT: 'true' }),
    ]);
    expect(JSON.parse(off.stdout)).not.toHaveProperty('image.text');
    const result = JSON.parse(on.stdout) as TaggedPost;
    expect(result.image.text).toBe('Wildflower Hour every Sunday at 8 pm left side right side');
    const [found] = result.keyphrases.filter(({ span }) => span?.of === 'imageText');
    expect(result.image.text?.slice(found?.span?.start, found?.span?.end).toLowerCase()).toBe(found?.phrase);
  });

  it('leaves nothing in the home folder: ONNX Runtime’s telemetry is off', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    const places = { HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, '.cache') };
    expect((await tagstream(['tag', '--text', 'my cat'], places)).code).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });

  it('gives the same results one at a time as many at a time', async () => {
    const file = fileWith(
      'many.ndjson',
      Array.from({ length: 40 }, (_, id) => ({ id, text: `post ${id} of many` })),
    );
    const [one, many] = await Promise.all([
      tagstream(['tag', file, '--concurrency', '1']),
      tagstream(['tag', file, '--concurrency', '32']),
    ]);
    expect(tagsOf(linesOf(many.stdout))).toEqual(tagsOf(linesOf(one.stdout)));
  });
});

describe('tagstream tag, when something goes wrong', () => {
  it('names a file that is not there, and a folder', async () => {
    const missing = await tagstream(['tag', join(folder, 'missing.ndjson')]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/^tagstream: .*missing\.ndjson cannot be read: ENOENT.*\n$/);
    const directory = await tagstream(['tag', folder]);
    expect(directory).toMatchObject({
      code: 2,
      stderr: `tagstream: ${folder} cannot be read: it is a folder\n`,
    });
  });

  it('ends quietly when its reader has seen enough', async () => {
    const started = startTagstream(['tag', fileWith('piped.ndjson', manyPosts)]);
    started.process.stdout?.once('data', () => started.process.stdout?.destroy());
    expect([await started.exited, started.stderr()]).toEqual([0, '']);
  });

  it('tags on when nobody reads its standard error', async () => {
    const lines = manyPosts.slice(0, 300).flatMap((post) => [post, 'nonsense']);
    const started = startTagstream(['tag', fileWith('unheard.ndjson', lines)]);
    started.process.stderr?.destroy();
    expect(await started.exited).toBe(2);
    expect(linesOf(started.stdout())).toHaveLength(lines.length);
  });

  it('says that a signal stopped it before the end, and exits 1', async () => {
    const started = startTagstream(['tag', fileWith('stopped.ndjson', manyPosts)]);
    started.process.stdout?.once('data', () => started.process.kill('SIGTERM'));
    expect(await started.exited).toBe(1);
    expect(started.stderr()).toBe('tagstream: stopped before the end of stopped.ndjson\n');
    const lines = linesOf(started.stdout());
    expect(lines.length).toBeLessThan(manyPosts.length);
    expect(lines.map((line) => (JSON.parse(line) as TaggedPost).id)).toEqual(
      manyPosts.slice(0, lines.length).map(({ id }) => id),
    );
  });

  it('takes an image on the command line from anywhere, and those of a file from its folder only', async () => {
    const file = fileWith('paths.ndjson', [
      { id: '1', text: 'look', images: [`${demoFolder}photos/cat.jpg`] },
      { id: '2', text: 'look', images: ['missing.jpg'] },
    ]);
    const { stdout } = await tagstream(['tag', file]);
    expect(linesOf(stdout).map((line) => (JSON.parse(line) as TaggedPost).image.reason)).toEqual([
      'blocked_address',
      'unreachable',
    ]);
  });
});

describe('tagstream eval', () => {
  it('tags 200 posts as tag does', async () => {
    const posts = Array.from({ length: 200 }, (_, id) => {
      const topic = ['cats', 'football', 'coffee', 'a storm', 'new music'][id % 5] ?? '';
      return { id: String(id), text: `${topic}, take ${id} of a long day!`, keyphrases: ['cats of twitter'] };
    });
    const file = fileWith('labelled.jsonl', posts);
    const results = join(folder, 'results.ndjson');
    const [evaluated, tagged] = await Promise.all([
      tagstream(['eval', file, '--results', results, '--json']),
      tagstream(['tag', file]),
    ]);
    expect([evaluated.code, tagged.code]).toEqual([0, 0]);
    expect(tagsOf(linesOf(readFileSync(results, 'utf8')))).toEqual(tagsOf(linesOf(tagged.stdout)));
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ all: { posts: 200 } });
    const again = await tagstream(['eval', file, '--predictions', results, '--json']);
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(evaluated.stdout));
  });

  it('leaves out parts of the model, and answers a part there is not with 78', async () => {
    const posts = [{ id: '1', text: 'storm over the city tonight', keyphrases: ['storm hour'] }];
    const file = fileWith('one.jsonl', posts);
    const results = join(folder, 'without.ndjson');
    const { code } = await tagstream(['eval', file, '--results', results, '--without', 'decoder,neighbours']);
    expect(code).toBe(0);
    expect(tagsOf(linesOf(readFileSync(results, 'utf8')))).not.toEqual(
      tagsOf(linesOf((await tagstream(['tag', file])).stdout)),
    );
    const wrong = await tagstream(['eval', file, '--without', 'encoder']);
    expect(wrong.code).toBe(78);
    expect(wrong.stderr).toContain('model.without');
  });

  it('tells of posts that are not tagged, exits 2, and takes no format from settings', async () => {
    const file = fileWith('untagged.jsonl', [
      { id: '1', text: 'my cat sleeps all day', keyphrases: ['cats of twitter'] },
      { id: '2', text: '', keyphrases: ['cats of twitter'] },
    ]);
    const { code, stderr } = await tagstream(['eval', file], { TAGSTREAM_FORMAT: 'x-v2' });
    expect(code).toBe(2);
    expect((await tagstream(['eval', file, '--format', 'x-v2'])).code).toBe(64);
    expect(stderr).toMatch(/^untagged\.jsonl, post 2: empty: .*\n1 of 2 posts are not tagged, .*\n$/);
  });

  it('names the line of a file that cannot be used', async () => {
    const file = fileWith('broken.jsonl', [
      { id: '1', text: 'x', keyphrases: ['y'] },
      { id: '2', text: 'no labels' },
    ]);
    const { code, stderr } = await tagstream(['eval', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}: line 2: keyphrases`);
  });
});

describe('tagstream eval, with images', () => {
  it('fetches none for the text alone', async () => {
    const server = await startImageServer();
    try {
      const file = fileWith('photo.jsonl', [
        { id: '1', text: 'look', images: [`${server.url}/photos/cat.jpg`], keyphrases: ['cats'] },
      ]);
      const environment = { TAGSTREAM_IMAGES_ALLOW: server.allow };
      expect((await tagstream(['eval', file, '--text-only'], environment)).code).toBe(0);
      expect(server.requests).toEqual([]);
      expect((await tagstream(['eval', file], environment)).code).toBe(0);
      expect(server.requests).toHaveLength(1);
    } finally {
      await server.stop();
    }
  });

  it('reads none from this machine', async () => {
    writeFileSync(join(folder, 'here.jpg'), readFileSync(`${demoFolder}photos/cat.jpg`));
    const file = fileWith('path.jsonl', [
      { id: '1', text: 'look', images: ['here.jpg'], keyphrases: ['cats'] },
    ]);
    const results = join(folder, 'path-results.ndjson');
    expect((await tagstream(['eval', file, '--results', results])).code).toBe(0);
    expect(JSON.parse(readFileSync(results, 'utf8'))).toMatchObject({
      image: { used: false, reason: 'blocked_address' },
    });
  });
});

describe('tagstream eval, when something goes wrong', () => {
  it('measures nothing when a signal stops it, and exits 1', async () => {
    const results = join(folder, 'partial.ndjson');
    const started = startTagstream(['eval', fileWith('stopped.jsonl', manyPosts), '--results', results]);
    await expect
      .poll(() => existsSync(results) && readFileSync(results).length, { timeout: 30_000 })
      .toBeTruthy();
    started.process.kill('SIGTERM');
    expect([await started.exited, started.stdout()]).toEqual([1, '']);
    expect(started.stderr()).toMatch(/^tagstream: stopped after \d+ of 5000 posts: nothing is measured\n$/);
  });

  it('names files that cannot be read or written', async () => {
    const file = fileWith('one.jsonl', manyPosts.slice(0, 1));
    for (const args of [
      ['eval', join(folder, 'missing.jsonl')],
      ['eval', file, '--predictions', join(folder, 'missing.jsonl')],
    ]) {
      const { code, stderr } = await tagstream(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/missing\.jsonl cannot be read: ENOENT/);
    }
    const { code, stderr } = await tagstream(['eval', file, '--results', join(folder, 'no/such/folder')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/folder cannot be written: ENOENT/);
  });

  it('tells present from absent phrases by the cleaned text', async () => {
    const file = fileWith('raw.jsonl', [
      { id: '1', text: 'Look!!! #WildflowerHour @friend', keyphrases: ['wildflower hour'] },
    ]);
    const predictions = fileWith('raw-predictions.txt', ['wildflower hour']);
    const { stdout } = await tagstream(['eval', file, '--predictions', predictions, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ present: { posts: 1, f1At1: 100 }, absent: { posts: 0 } });
  });
});

describe('tagstream demo --once', () => {
  it('prints each post with its keyphrases and exits 0', async () => {
    const { code, stdout, stderr } = await tagstream(['demo', '--once']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^ {2}tags {3}\S/gm)?.length).toBeGreaterThan(25);
    expect(stdout).toContain('not tagged (not_json)');
    expect(stdout).toContain('line 26  not tagged (duplicate)');
    expect(stdout).not.toMatch(/ 0%/);
    expect(stdout).toContain('blocked_address');
  });
});

describe.skipIf(process.platform !== 'linux')('a signal while the agent starts', () => {
  /** Interrupts `tagstream` when it has ONNX Runtime in memory, so long before its models are warm. */
  async function interrupted(args: readonly string[]) {
    const started = startTagstream(args);
    const maps = `/proc/${started.process.pid}/maps`;
    while (!readFileSync(maps, 'utf8').includes('onnxruntime')) await sleep(10);
    started.process.kill('SIGTERM');
    return { code: await started.exited, stdout: started.stdout(), stderr: started.stderr() };
  }

  it.each([
    ['demo', '--port', '0'],
    ['run', '--port', '0', '--brokers', '127.0.0.1:1', '--log-level', 'error'],
  ])('stops %s with 0', async (...args) => {
    expect(await interrupted(args)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('stops tag with 1, since its input is not tagged', async () => {
    const stderr = 'tagstream: stopped before the end of early.ndjson\n';
    expect(await interrupted(['tag', fileWith('early.ndjson', manyPosts)])).toEqual({
      code: 1,
      stdout: '',
      stderr,
    });
  });
});

describe('the command line', () => {
  it('says so where its output has no room', () => {
    const full = openSync('/dev/full', 'w');
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
    const { status } = spawnSync(process.execPath, [cli, 'completion', 'bash'], { stdio: ['ignore', full] });
    closeSync(full);
    expect(status).toBe(1);
  });

  it('answers wrong usage with 64', async () => {
    expect((await tagstream(['tag', '--nonsense'])).code).toBe(64);
    expect((await tagstream(['frobnicate'])).code).toBe(64);
    expect((await tagstream(['tag', 'a', 'b'])).code).toBe(64);
    expect((await tagstream(['tag', '--image', 'cat.jpg'])).code).toBe(64);
    expect((await tagstream(['tag', 'posts.ndjson', '--text', 'hello'])).code).toBe(64);
    expect((await tagstream(['eval', 'f', '--predictions', 'p', '--results', 'r'])).code).toBe(64);
    expect((await tagstream(['eval', 'f', '--predictions', 'p', '--text-only'])).code).toBe(64);
    const replay = (...args: string[]) => tagstream(['replay', '--brokers', '127.0.0.1:1', ...args]);
    expect(await replay('--reason', 'not_json,bad')).toMatchObject({
      ...{ code: 64, stderr: expect.stringContaining('--reason bad: give one or more of not_json,') },
    });
    expect((await replay('--since', 'yesterday')).code).toBe(64);
    expect((await replay('--max-attempts', '0')).code).toBe(64);
    // What it measures is what it says it measures.
    expect((await tagstream(['bench', '--threads', '2'])).code).toBe(64);
    expect((await tagstream(['eval', 'f', '--format', 'plain'])).code).toBe(64);
    expect((await replay('--model', 'm')).code).toBe(64);
  });

  it('answers help and version with 0', async () => {
    expect((await tagstream(['--help'])).code).toBe(0);
    expect((await tagstream(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('answers a wrong configuration with 78, naming every fault', async () => {
    const { code, stderr } = await tagstream(['run', '--port', 'eighty', '--delivery', 'at-most-once']);
    expect(code).toBe(78);
    for (const key of ['web.port', 'delivery', 'kafka.brokers']) expect(stderr).toContain(key);
  });

  it('answers CUDA where there is none with 78 and the remedy', async () => {
    const { code, stderr } = await tagstream(['tag', '--text', 'x', '--provider', 'cuda']);
    expect(code).toBe(78);
    expect(stderr).toMatch(
      /inference\.provider: CUDA cannot be loaded: libonnxruntime_providers_cuda\.so .*; run "npx tagstream cuda install"\. .*set auto or cpu/,
    );
  });

  it('answers a broker that cannot be reached with 1, naming it', async () => {
    const { code, stderr } = await tagstream(['run', '--port', '0', '--brokers', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toContain('127.0.0.1:1');
  });

  it('lets the doctor say what is well and what is not', async () => {
    const well = await tagstream(['doctor']);
    expect([well.code, well.stderr]).toEqual([0, '']);
    expect(well.stdout).toMatch(
      /ok +model +tagstream .*hashes right, runs on cpu.*; text in images is not read/,
    );
    const unwell = await tagstream(['doctor', '--model', folder, '--brokers', '127.0.0.1:1']);
    expect(unwell.code).toBe(1);
    expect(unwell.stdout).toMatch(/WRONG +model +model\.path: no model bundle/);
    expect(unwell.stdout).toMatch(/WRONG +kafka /);
  });

  it('lets the doctor name the GPU, and what CUDA lacks where the models may run on it', async () => {
    const doctor = async (provider: string, said: string): Promise<string> => {
      const program = `#!/bin/sh\necho '${said}'\n`;
      writeFileSync(join(folder, 'nvidia-smi'), program, { mode: 0o755 });
      const environment = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
      const { stdout } = await tagstream(['doctor', '--provider', provider, '--model', folder], environment);
      return stdout;
    };
    const nothing = 'No devices were found';
    expect(await doctor('auto', nothing)).toMatch(/^ok +gpu +no NVIDIA GPU found$/m);
    expect(await doctor('cuda', nothing)).toMatch(
      /^WRONG +gpu +inference\.provider: no NVIDIA GPU found; install NVIDIA's driver 580 or newer; .*; or set auto or cpu$/m,
    );
    const gpu = 'NVIDIA H100 80GB HBM3, 81559 MiB, 580.95.05';
    expect(await doctor('cpu', gpu)).toMatch(
      /^ok +gpu +NVIDIA H100 80GB HBM3, 81559 MiB, driver 580\.95\.05$/m,
    );
    expect(await doctor('auto', gpu)).toMatch(/^ok +gpu +NVIDIA H100.*; run "npx tagstream cuda install"$/m);
    const old = 'NVIDIA H100 80GB HBM3, 81559 MiB, 535.1';
    expect(await doctor('auto', old)).toMatch(/driver 535\.1; install NVIDIA's driver 580 or newer; /);
  });
});
