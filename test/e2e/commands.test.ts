import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { tagstream } from '../support/agent-process.js';

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
    expect(result.image).toEqual({ used: true });
    expect(result.entities.map(({ label }) => label).join()).toContain('cat');
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

  it('names the line of a file that cannot be used', async () => {
    const file = fileWith('broken.jsonl', [
      { id: '1', text: 'x', keyphrases: ['y'] },
      { id: '2', text: 'no labels' },
    ]);
    const { code, stderr } = await tagstream(['eval', file]);
    expect(code).toBe(2);
    expect(stderr).toContain('line 2: keyphrases');
  });
});

describe('tagstream demo --once', () => {
  it('prints each post with its keyphrases and exits 0', async () => {
    const { code, stdout, stderr } = await tagstream(['demo', '--once']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^ {2}tags {3}\S/gm)?.length).toBeGreaterThan(25);
    expect(stdout).toContain('not tagged (not_json)');
    expect(stdout).toContain('blocked_address');
  });
});

describe('the command line', () => {
  it('answers wrong usage with 64', async () => {
    expect((await tagstream(['tag', '--nonsense'])).code).toBe(64);
    expect((await tagstream(['frobnicate'])).code).toBe(64);
    expect((await tagstream(['tag', 'a', 'b'])).code).toBe(64);
  });

  it('answers help and version with 0', async () => {
    expect((await tagstream(['--help'])).code).toBe(0);
    expect((await tagstream(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('answers a wrong configuration with 78, naming every fault', async () => {
    const { code, stderr } = await tagstream(['run', '--port', 'eighty', '--delivery', 'exactly-once']);
    expect(code).toBe(78);
    for (const key of ['web.port', 'delivery', 'kafka.brokers']) expect(stderr).toContain(key);
  });

  it('answers CUDA where there is none with 78 and the remedy', async () => {
    const { code, stderr } = await tagstream(['tag', '--text', 'x', '--provider', 'cuda']);
    expect(code).toBe(78);
    expect(stderr).toMatch(/inference\.provider: CUDA.*set auto or cpu/s);
  });

  it('answers a broker that cannot be reached with 1, naming it', async () => {
    const { code, stderr } = await tagstream(['run', '--port', '0', '--brokers', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toContain('127.0.0.1:1');
  });

  it('lets the doctor say what is well and what is not', async () => {
    const well = await tagstream(['doctor']);
    expect([well.code, well.stderr]).toEqual([0, '']);
    expect(well.stdout).toMatch(/ok +model +tagstream .*hashes right, runs on cpu/);
    const unwell = await tagstream(['doctor', '--model', folder, '--brokers', '127.0.0.1:1']);
    expect(unwell.code).toBe(1);
    expect(unwell.stdout).toMatch(/WRONG +model +model\.path: no model bundle/);
    expect(unwell.stdout).toMatch(/WRONG +kafka /);
  });
});
