import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Reason } from '../../src/domain/outcome.js';
import { readLetter, type Letter } from '../../src/replay/dead-letters.js';
import { decide, type Done, type Fate } from '../../src/replay/fate.js';
import { fromText, toText } from '../../src/replay/ranges.js';

const reasons: readonly Reason[] = ['empty', 'too_long'];
const inputs = ['one', 'other'];

const letters = fc.array(
  fc.record({
    reason: fc.constantFrom(...reasons),
    topic: fc.constantFrom(...inputs),
    whole: fc.boolean(),
    attempt: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 20 },
);

const runs = fc.array(
  fc.record({
    inputTopic: fc.constantFrom(...inputs),
    reasons: fc.subarray([...reasons]),
    maxAttempts: fc.integer({ min: 1, max: 4 }),
    since: fc.constantFrom(0, 0, 4),
  }),
  { minLength: 1, maxLength: 5 },
);

test('a letter is replayed once, by the first run that may, and called so by later ones alone', () => {
  fc.assert(
    fc.property(letters, runs, (given, choices) => {
      const notes = new Map(inputs.map((input) => [input, new Map<string, string>()]));
      const gone = new Set<number>();
      const all = given.map(letterOf);
      for (const { inputTopic, ...chosen } of choices) {
        const selection = { ...chosen, until: Infinity, dryRun: false };
        const note = notes.get(inputTopic) ?? new Map<string, string>();
        const done: Done = new Map([...note].map(([key, text]) => [key, fromText(text)]));
        const choice = { selection, inputTopic, done, before: new Map<string, bigint>() };
        const fates = all.map((letter) => decide(letter, choice));
        for (const [key, ranges] of done) note.set(key, toText(ranges));

        const expected = given.map(({ reason, topic, whole, attempt }, index): Fate | undefined => {
          if (!chosen.reasons.includes(reason) || index < chosen.since) return undefined;
          if (topic !== inputTopic) return 'of another input';
          if (!whole) return 'incomplete';
          if (gone.has(index)) return 'replayed before';
          if (attempt >= chosen.maxAttempts) return 'tried too often';
          gone.add(index);
          return 'replayed';
        });
        expect(fates).toEqual(expected);
      }
    }),
    // What goes wrong takes three letters and two runs that go together.
    { numRuns: 2_000 },
  );
});

interface Given {
  readonly reason: Reason;
  readonly topic: string;
  readonly whole: boolean;
  readonly attempt: number;
}

/** As it is read from the dead-letter topic, where its offset and its time are its place among the others. */
function letterOf({ reason, topic, whole, attempt }: Given, index: number): Letter {
  const headers = {
    ...{ 'tagstream-reason': reason, 'tagstream-source-topic': topic, 'tagstream-attempt': String(attempt) },
    ...(whole ? {} : { 'tagstream-value-bytes': '2000000' }),
  };
  const place = { offset: String(index), timestamp: String(index), attributes: 0 };
  return readLetter(0, { key: null, value: null, headers, ...place })!;
}
