import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagstream } from '../support/agent-process.js';
import { hasTerminals, onTerminal } from '../support/terminal.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tagstream-terminal-'));
  const posts = Array.from({ length: 60 }, (_, id) => `{"id":"${id}","text":"my cat sleeps, day ${id}"}\n`);
  writeFileSync(
    join(folder, 'posts.ndjson'),
    [...posts.slice(0, 30), '\n', 'nonsense\n', ...posts.slice(30)].join(''),
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A keyphrase of "my cat sleeps" with its bar. */
const drawn = /^ {2}tags {3}\S.* {2}[█▏▎▍▌▋▊▉ ]{10} +<?\d+%$/m;
const escape = '\x1b';

describe.skipIf(!hasTerminals)('on a terminal (skipped without util-linux’ script)', () => {
  it('tag draws a post, in colours', async () => {
    const { code, screen } = await onTerminal(`tag --text 'my cat sleeps'`);
    expect(code).toBe(0);
    expect(screen).toContain(`${escape}[1m`);
    expect(stripVTControlCharacters(screen)).toMatch(/^1 {2}my cat sleeps\n/);
    expect(stripVTControlCharacters(screen)).toMatch(drawn);
  });

  it('tag draws without colours where NO_COLOR is set, and hands no escape of a stranger on', async () => {
    const post = JSON.stringify({ id: '1', text: `my cat ${escape}]0;gone\x07 sleeps${escape}[2J` });
    writeFileSync(join(folder, 'hostile.ndjson'), `${post}\nnonsense\n`);
    const { code, screen } = await onTerminal(`tag ${folder}/hostile.ndjson`, { NO_COLOR: '1' });
    expect(code).toBe(2);
    expect(screen).not.toContain(escape);
    expect(screen).toMatch(drawn);
    expect(screen).toContain('line 2  not tagged (not_json): the value is no JSON\n');
  });

  it('tag shows a bar, the rate and the time left while its results go to a file, unchanged', async () => {
    const posts = join(folder, 'posts.ndjson');
    const results = join(folder, 'results.ndjson');
    // Small batches: what is done is told of a batch at a time.
    const environment = { TAGSTREAM_KAFKA_CHUNK_SIZE: '4', TAGSTREAM_INFERENCE_THREADS: '1' };
    const { code, screen } = await onTerminal(`tag ${posts} > ${results}`, environment);
    expect(code).toBe(2);
    const lines = screen.split(/[\r\n]/).map(stripVTControlCharacters);
    // 61 lines, since a blank one is none.
    expect(
      lines.filter((line) => /^posts [█░]{20} \d+% {2}\d+ of 61, .* a second, \d+ s left$/.test(line)),
    ).not.toEqual([]);
    expect(lines).toContainEqual(expect.stringMatching(/^posts █{20} 100% {2}61 of 61, .* a second$/));
    expect(lines).toContain('posts.ndjson, line 32: not_json: the value is no JSON');
    const piped = await tagstream(['tag', posts], environment);
    expect(piped.stderr).toBe('posts.ndjson, line 32: not_json: the value is no JSON\n');
    expect(readFileSync(results, 'utf8')).toBe(piped.stdout);
  });

  it('demo --once draws its posts', async () => {
    const { code, screen } = await onTerminal('demo --once', { TAGSTREAM_IMAGES_TIMEOUT_MS: '60000' });
    const shown = stripVTControlCharacters(screen);
    expect(code).toBe(0);
    expect(shown).toMatch(
      /^demo-01 .*\n {2}photo {2}match .*\n {2}tags {3}cats of twitter +█.*\n {9}caturday /,
    );
    expect(shown).toContain('line 7  not tagged (not_json)');
  });

  it('doctor marks in colours what is well and what is not', async () => {
    const { code, screen } = await onTerminal(`doctor --model ${folder}`);
    expect(code).toBe(1);
    expect(screen).toContain(`${escape}[32mok   ${escape}[39m  node`);
    expect(screen).toContain(`${escape}[31mWRONG${escape}[39m  model`);
  });
});
