import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/domain/errors.js';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { tagstream } from '../support/agent-process.js';
import { expectedErrors, messagesInSource } from '../support/error-messages.js';
import { startImageServer } from '../support/image-server.js';
import { describeWithKafka } from '../support/kafka.js';
import { root } from '../support/markdown.js';
import { errorRows } from './error-rows.js';
import { absenceMeanings, deadLetterMeanings, errorsPage } from './errors-page.js';

/** A text that the demo's portrait of an astronaut does not go with, as far as the model can tell. */
const foreign = 'the stock market fell by two percent today';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-errors-'))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A message with `…` for what differs, as what matches it. */
const patternOf = (message: string): RegExp =>
  new RegExp(
    message
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^]*?'),
  );

describe('docs/errors.md', () => {
  it('has a row for each error, as the code has it', async () => {
    await expect(errorsPage()).toMatchFileSnapshot('../../docs/errors.md');
  });

  it('has every message that the source makes for users', () => {
    const rows = errorRows.map(({ message }) => message.replace(/^error: /, ''));
    const missing = messagesInSource().filter(({ message }) => {
      const pattern = patternOf(message.replace(/^error: /, ''));
      return !rows.some((row) => pattern.test(row) && (message !== '…' || row === '…'));
    });
    // What replay refuses is told by `error: …` in cli.ts; the messages themselves have rows.
    expect(missing.filter(({ message }) => message !== 'error: …')).toEqual([]);
  });

  it('has every class of error and every exit code there is, and no other', () => {
    // Nobody meets these: the source goes on from where the first says, and reads again after the second.
    const unmet = ['OffsetMismatchError', 'GivenUpError'];
    const classes = expectedErrors().filter((name) => !unmet.includes(name));
    const made = new Set(errorRows.map(({ error }) => error));
    expect([...made].toSorted()).toEqual(['usage', ...classes].toSorted());
    const codes = new Set(errorRows.map(({ code }) => code));
    expect([...codes, exitCodes.done].toSorted()).toEqual(Object.values(exitCodes).toSorted());
  });
});

describe('each error', () => {
  it.for(errorRows.filter(({ made }) => typeof made === 'function'))(
    '$code: $message',
    { timeout: 120_000 },
    async ({ code, message, made }) => {
      if (typeof made !== 'function') return;
      const told = await made(mkdtempSync(join(folder, 'row-')));
      expect(told.message).toMatch(patternOf(message));
      expect(told.message).not.toMatch(/\n +at /);
      expect(told.code).toBe(code);
    },
  );

  it('that another test makes is named in that test', () => {
    for (const { message, made } of errorRows) {
      if (typeof made === 'function' || !('by' in made)) continue;
      expect(existsSync(join(root, made.by)), made.by).toBe(true);
      const parts = message
        .split('…')
        .map((part) => part.trim())
        .filter((part) => part.length > 3);
      const text = readFileSync(join(root, made.by), 'utf8');
      const named = parts.some((part) => text.includes(part)) || text.includes('FencedError');
      expect(named, `${message} in ${made.by}`).toBe(true);
    }
  });
});

describe('each reason', () => {
  it('why a post was not tagged', { timeout: 240_000 }, async () => {
    const lines = [
      'nonsense',
      '{"id":"1"}',
      '{"account":{"id":"1"},"content":"<p>x</p>","id":"1"}',
      '{"id":"2","text":""}',
      `{"id":"3","text":"${'long '.repeat(100)}"}`,
      '{"id":"4","text":"un chat","language":"fr"}',
      '{"id":"5","text":"my cat","language":"en"}',
      '{"id":"5","text":"my cat","language":"en"}',
    ];
    writeFileSync(join(folder, 'noise.ndjson'), lines.map((line) => `${line}\n`).join(''));
    const { code, stdout } = await tagstream(['tag', join(folder, 'noise.ndjson')], {
      TAGSTREAM_NOISE_MAX_TEXT_LENGTH: '100',
      TAGSTREAM_NOISE_LANGUAGES: 'en',
      TAGSTREAM_NOISE_DUPLICATE_WINDOW: '10',
    });
    const reasons = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { error?: { code: string } }).error?.code);
    expect(code).toBe(2);
    // Those of Kafka alone are made elsewhere.
    const elsewhere = {
      result_too_large: ['test/e2e/run.test.ts', 'result_too_large'],
      undecodable_batch: ['test/source/kafka.test.ts', `reason: 'undecodable_batch'`],
    };
    for (const [path = '', made = ''] of Object.values(elsewhere)) {
      expect(readFileSync(join(root, path), 'utf8')).toContain(made);
    }
    const expected = Object.keys(deadLetterMeanings).filter((reason) => !(reason in elsewhere));
    expect(new Set(reasons)).toEqual(new Set([...expected, undefined]));
  });

  it('why an image was not used', { timeout: 240_000 }, async () => {
    const server = await startImageServer();
    const other = await startImageServer();
    try {
      writeFileSync(join(folder, 'text.jpg'), 'no image');
      const photo = readFileSync(join(root, 'assets/demo/photos/astronaut.jpg'));
      writeFileSync(join(folder, 'astronaut.jpg'), photo);
      writeFileSync(join(folder, 'big.jpg'), Buffer.concat([photo, Buffer.alloc(400_000)]));
      const post = (id: string, images: readonly string[], text = 'my cat', more = {}): string =>
        `${JSON.stringify({ id, text, images, ...more })}\n`;
      const lines = [
        post('none', []),
        post('given', ['text.jpg'], 'my cat', { enrichment: { entities: ['cat'] } }),
        post('not_matching', ['astronaut.jpg'], foreign),
        post('unreachable', ['missing.jpg']),
        post('timed_out', [`${server.url}/slow-headers`]),
        post('too_large', ['big.jpg']),
        post('not_an_image', ['text.jpg']),
        post('undecodable', [`${other.url}/truncated.jpg`]),
        post('blocked_address', ['http://192.168.0.1/x.jpg']),
        post('circuit_open', [`${server.url}/photos/cat.jpg`]),
      ];
      writeFileSync(join(folder, 'images.ndjson'), lines.join(''));
      const { stdout } = await tagstream(['tag', join(folder, 'images.ndjson'), '--concurrency', '1'], {
        TAGSTREAM_IMAGES_ALLOW: `${server.allow},${other.allow}`,
        TAGSTREAM_IMAGES_MAX_BYTES: '300000',
        TAGSTREAM_IMAGES_TIMEOUT_MS: '3000',
        TAGSTREAM_IMAGES_HOST_FAILURES: '1',
      });
      const results = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as TaggedPost);
      expect(results.map(({ id, image }) => [id, image.reason])).toEqual(
        Object.keys(absenceMeanings).map((reason) => [reason, reason]),
      );
    } finally {
      await server.stop();
      await other.stop();
    }
  });
});

describeWithKafka('each error of missing topics', (broker) => {
  it.each(['replay', 'doctor', 'run'])('%s names them and ends with 1', async (command) => {
    const topics = ['--input-topic', 'no-such-posts', '--dead-letter-topic', 'no-such-letters'];
    const port = command === 'run' ? ['--port', '0'] : [];
    const args = [command, '--brokers', broker.brokers.join(), ...topics, ...port];
    const { code, stdout, stderr } = await tagstream(args);
    expect(code).toBe(1);
    expect(command === 'doctor' ? stdout : stderr).toMatch(
      /there is no topic .*no-such-.*: create what is missing, or name another/,
    );
  });
});
