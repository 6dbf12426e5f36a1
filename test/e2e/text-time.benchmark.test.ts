import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { locatePhrase } from '../../src/domain/keyphrase.js';
import { readPost } from '../../src/formats/detect.js';
import { readBundle } from '../../src/model/bundle.js';
import { createGazetteer } from '../../src/model/keyphrase/gazetteer.js';
import { stemText } from '../../src/model/keyphrase/stemming.js';
import { termsOf } from '../../src/model/keyphrase/terms.js';
import { createTokenizer } from '../../src/model/keyphrase/tokenizer.js';
import { createTextCleaner } from '../../src/text/clean-text.js';

/**
 * How the time of all that reads text grows with it. Nothing here looks at the clock to pass or fail: what grew with
 * the square of the text would take hours at a megabyte and fail by the tests' time-out. `npx vitest run
 * test/e2e/text-time` prints the curve that docs/security.md shows.
 */
const sizes = [62_500, 125_000, 250_000, 500_000, 1_000_000];

const bundle = readBundle(fileURLToPath(new URL('../../models/bundle', import.meta.url)));
const { text: files } = bundle.manifest;
const tokenizer = createTokenizer(bundle);
const gazetteer = createGazetteer(bundle.lines(files.labels));
const cleanText = createTextCleaner(bundle.lines(files.words));
const read = (value: string) =>
  readPost(
    {
      position: { topic: 'posts', partition: 0, offset: 0n },
      key: null,
      value: Buffer.from(value),
      headers: {},
      timestamp: 0,
    },
    'auto',
  );
const words = (text: string) => ({ text, entities: [], attributes: [], imageText: '' });

const stages: Readonly<Record<string, (text: string) => unknown>> = {
  'a plain post': (text) => read(JSON.stringify({ id: '1', text })),
  'an X post': (text) => read(JSON.stringify({ data: { id: '1', text, attachments: {} } })),
  'bytes that are no post': read,
  cleaning: cleanText,
  'word pieces': (text) => tokenizer.tokenize(words(text)),
  'labels in a text': (text) => gazetteer.find(stemText(text)),
  'a phrase by its stems': (text) => gazetteer.locate(['a', 'a', 'b'], stemText(text)),
  terms: (text) => termsOf(words(text)),
  'a phrase by its letters': (text) => locatePhrase('a a a a a b', text),
};

/** What texts are made of that could make some rule go over the same again and again. */
const pieces = [
  ' ',
  'a',
  'a ',
  '(',
  'jan 1 ',
  'a\u0301\u0327',
  'a-a@a-a.',
  '#aA',
  `#${'b'.repeat(99)} `,
  '中',
  '🙂',
  '{"x":',
  '[',
  '\ud800',
  'ﷺ',
];

const slowest = new Map<string, { piece: string; times: readonly number[] }>();

afterAll(() => {
  const rows = [...slowest].map(([stage, { piece, times }]) => [
    stage,
    JSON.stringify(piece.length > 12 ? `${piece.slice(0, 12)}…` : piece),
    ...times.map((time) => `${time.toFixed(time < 10 ? 1 : 0)} ms`),
  ]);
  const head = ['stage', 'text made of', ...sizes.map((size) => `${size / 1000} kB`)];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  process.stdout.write(`${lines.join('\n')}\n`);
});

describe('the time that texts of up to a megabyte take is measured', () => {
  it.each(Object.entries(stages))('in %s', { timeout: 120_000 }, (stage, run) => {
    const timeOf = (piece: string, size: number): number => {
      const text = piece.repeat(Math.ceil(size / piece.length));
      // The processor's time: that of the clock tells more of the machine's other work.
      const start = process.cpuUsage();
      run(text);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1_000;
    };
    const most = Math.max(...sizes);
    const measured = pieces.map((piece) => ({ piece, time: timeOf(piece, most) }));
    const { piece } = measured.reduce((worst, other) => (other.time > worst.time ? other : worst));
    slowest.set(stage, { piece, times: sizes.map((size) => timeOf(piece, size)) });
    expect(slowest.get(stage)?.times).toHaveLength(sizes.length);
  });
});
