import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it, type TestContext } from 'vitest';
import { createTextCleaner } from '../../src/text/clean-text.js';
import { accent, folded, lowered, raw, tokens } from '../../src/text/text-rules.js';

const wordsFile = fileURLToPath(new URL('../../models/bundle/words.txt', import.meta.url));
const twin = fileURLToPath(new URL('../../models/training/normalise.py', import.meta.url));
const clean = createTextCleaner(readFileSync(wordsFile, 'utf8').trimEnd().split('\n'));
const fixture = JSON.parse(
  readFileSync(new URL('fixtures/posts.json', import.meta.url), 'utf8'),
) as readonly { readonly text: string; readonly clean?: string }[];

/** Runs the Python implementation; skips the test where there is no python3. */
function python(context: TestContext, args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync('python3', [twin, '--words', wordsFile, ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 2 ** 30,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
    context.skip('python3 is not installed: the two implementations cannot be compared');
  }
  if (error !== undefined || status !== 0)
    throw new Error(`normalise.py failed: ${stderr}`, { cause: error });
  return stdout;
}

/** The texts, of those given, that the two implementations clean differently. */
function differences(context: TestContext, texts: readonly string[]) {
  const lines = python(context, [], texts.map((text) => `${JSON.stringify(text)}\n`).join('')).trimEnd();
  const theirs = lines.split('\n').map((line) => JSON.parse(line) as string);
  expect(theirs).toHaveLength(texts.length);
  return texts.flatMap((text, i) => {
    const ours = clean(text);
    return ours === theirs[i] ? [] : [{ text, typescript: ours, python: theirs[i] }];
  });
}

const pieces = [
  ...fixture.flatMap(({ text }) => text.split(/(?<=[ #@:])/u)),
  ...[
    '<number>',
    '<url>',
    '4 5 0 th',
    '4 th',
    'jan',
    'june ',
    'may',
    '12',
    '7',
    ':',
    "'t",
    "n't",
    "'",
    'x',
    'k',
  ],
  ...[
    '#',
    '@',
    '&',
    'amp;',
    '&#',
    ';',
    'http',
    '://',
    '.',
    '.com',
    '/',
    '-',
    '%',
    '$',
    '_',
    '(',
    ')',
    'i',
    ' ',
    '\n',
  ],
];
const noise = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...pieces) },
      fc.string({ maxLength: 3, unit: 'binary' }),
    ),
    {
      maxLength: 12,
    },
  )
  .chain((parts) => fc.constantFrom('', ' ').map((separator) => parts.join(separator)));

describe('a cleaned text', () => {
  it.each(fixture.filter((post) => post.clean !== undefined))('of $text is $clean', (post) => {
    expect(clean(post.text)).toBe(post.clean);
  });

  it('stays as it is when it is cleaned again', () => {
    const cleaned = fixture.map(({ text }) => clean(text));
    expect(cleaned.map(clean)).toEqual(cleaned);
    fc.assert(
      fc.property(noise, (text) => {
        const once = clean(text);
        expect(clean(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is tokens with single spaces between them', () => {
    fc.assert(
      fc.property(noise, (text) => {
        expect(clean(text)).toMatch(/^(?:[^\s]+(?: [^\s]+)*)?$/u);
      }),
    );
  });

  it.each(Array.from('añßøЖщλΩשעمرहไあア漢字한ქԱ'))('keeps the letter %s', (letter) => {
    const kept = clean(letter);
    expect(kept).toMatch(/^\p{L}$/u);
    for (const around of ['🔥', '!', '@x ', '#']) expect(clean(around + letter + around)).toContain(kept);
  });

  it.each([
    ['spaces', ' '],
    ['one word', 'a'],
    ['one mark', '('],
    ['digits', '1'],
    ['digits apart', '1 '],
    ['single-letter labels', 'a.'],
    ['mentions', '@a.b'],
    ['entities', '&amp;'],
    ['open entities', '&#1'],
    ['months', 'jan 1 '],
    ['phone numbers', '(555'],
    ['accents', 'a\u0301\u0327'],
    ['punctuation', ':-('],
    ['addresses', 'a-a@a-a.'],
    ['apostrophes', "y'a"],
  ])('comes in linear time from 5 MB of %s', (_, piece) => {
    // Quadratic behaviour would take hours here and fail by the test's time-out.
    expect(clean(piece.repeat(Math.ceil(5_000_000 / piece.length)))).toBeTypeOf('string');
  });

  it.each([
    ['hashtags', '#aA'],
    ['long hashtags', `#${'b'.repeat(99)} `],
  ])('comes in linear time from 1 MB of %s, which take longest', (_, piece) => {
    expect(clean(piece.repeat(Math.ceil(1_000_000 / piece.length)))).toBeTypeOf('string');
  });
});

describe('a hashtag', () => {
  it.each([
    ['#throwbackthursday', 'throwback thursday'],
    ['#ThrowbackThursday', 'throwback thursday'],
    ['#GameOfThrones', 'game of thrones'],
    ['#gameofthrones', 'game of thrones'],
    ['#GAMEOFTHRONES', 'game of thrones'],
    ['#wildflowerhour', 'wildflower hour'],
    ['#oilpainting', 'oil painting'],
    ['#photooftheday', 'photo of the day'],
    ['#MakeAmericaGreatAgain', 'make america great again'],
    ['#climatestrike', 'climate strike'],
    ['#night_life_photo', 'night life photo'],
    ['#mufc', 'mufc'],
    ['#TBT', 'tbt'],
    ['#YouTube', 'youtube'],
    ['#BTSArmy', 'bts army'],
    ['#iHeartAwards', 'i heart awards'],
    ['#COVID19', 'covid <number>'],
    ['#ToyStory4', 'toy story <number>'],
    ['#WWG1WGA', 'wwg1wga'],
    ['#4thofjuly', '4 th of july'],
    ['#español', 'espanol'],
    ['#Fußball', 'fußball'],
    ['#桜', '桜'],
    ['#1', '# <number>'],
    [`#${'verylong'.repeat(20)}`, 'verylong'.repeat(20)],
  ])('%s reads "%s"', (tag, words) => {
    expect(clean(tag)).toBe(words);
  });
});

describe('the implementations in TypeScript and Python', () => {
  it('have the same rules', (context) => {
    expect(JSON.parse(python(context, ['--rules']))).toEqual({ raw, accent, folded, lowered, tokens });
  });

  it('agree on posts with every kind of noise', (context) => {
    expect(
      differences(
        context,
        fixture.map(({ text }) => text),
      ),
    ).toEqual([]);
  });

  it('agree on generated posts', (context) => {
    expect(differences(context, fc.sample(noise.filter(isKnown), { numRuns: 1_000, seed: 7 }))).toEqual([]);
  });

  it('agree on every character of Unicode 14', (context) => {
    // 128 characters a text, each in a word, in a hashtag and behind a digit.
    const texts = Array.from({ length: 0x20000 / 128 }, (_, block) => {
      const codes = Array.from({ length: 128 }, (_, i) => 128 * block + i);
      const characters = codes.map((code) => String.fromCodePoint(code)).filter(isKnown);
      return characters.map((c) => `a${c} #B${c}b 1${c}`);
    });
    expect(
      differences(
        context,
        texts.map((text) => text.join(' ')),
      ),
    ).toEqual([]);
  });

  it('agree on the training texts and on 110,000 tweets', (context) => {
    const data = process.env['TAGSTREAM_DATA'];
    if (data === undefined)
      return context.skip('TAGSTREAM_DATA does not name the folder of the training data');
    const text = (line: string) => (JSON.parse(line) as { readonly text: string }).text;
    const read = (file: string) => readFileSync(`${data}/${file}`, 'utf8').trimEnd().split('\n');
    const training = read('tweets/train.jsonl').map(text);
    const tweets = [...read('hashtags/image-tweets.jsonl').map(text), ...read('hashtags/tweets.txt')];
    expect(differences(context, [...training, ...tweets])).toEqual([]);
    const unchanged = training.filter((post) => clean(post) === post);
    expect(unchanged.length / training.length).toBeGreaterThan(0.98);
    expect(tweets.map(clean).filter((post) => clean(post) !== post)).toEqual([]);
  }, 300_000);
});

/** Characters younger than Unicode 14 (Python 3.11) whose normal form or case Node may know already. */
const younger =
  /[\u1c89\ua7cb-\ua7dc\ua7f1\u{105c9}-\u{105e4}\u{10d50}-\u{10d65}\u{11383}-\u{113c8}\u{16121}-\u{16128}\u{16d68}-\u{16d6a}\u{16ea0}-\u{16eb8}\u{1ccd6}-\u{1ccf9}\u{1e030}-\u{1e06d}]/u;

function isKnown(text: string): boolean {
  return !younger.test(text);
}
