import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeOutcome, drawOutcome } from '../../src/commands/draw-outcome.js';
import type { Tagged } from '../../src/domain/outcome.js';

const plain = (_style: string, text: string): string => text;

function tagged(text: string, keyphrases: readonly (readonly [phrase: string, score: number])[]): Tagged {
  return {
    kind: 'tagged',
    position: { topic: 'posts', partition: 0, offset: 0n },
    post: { post: { id: '1', text } },
    image: { kind: 'absent', reason: 'none' },
    result: {
      id: '1',
      keyphrases: keyphrases.map(([phrase, score]) => ({ phrase, score, present: true, origin: ['copied'] })),
      image: { used: false, reason: 'none' },
      entities: [],
      model: { name: 'tagstream', version: '0' },
    },
  } as unknown as Tagged;
}

describe('a tagged post on a terminal', () => {
  it('has a line for each keyphrase, with a bar as long as its score', () => {
    const drawn = drawOutcome(
      tagged('my  cat\nsleeps', [
        ['caturday', 0.85],
        ['cat', 0.5],
        ['dog', 0.001],
      ]),
      plain,
    );
    expect(drawn).toBe(
      [
        '1  my cat sleeps',
        '  tags   caturday  ████████▌   85%',
        '         cat       █████       50%',
        '         dog                   <1%',
        '\n',
      ].join('\n'),
    );
  });

  it('is a line for all of them in a pipe', () => {
    const text = describeOutcome(
      tagged('my cat', [
        ['caturday', 0.85],
        ['cat', 0.5],
      ]),
    );
    expect(text).toBe('1  my cat\n  tags   caturday 85%, cat 50%\n\n');
  });

  it('holds nothing that a terminal obeys, whatever a stranger wrote', () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        'a',
        ' ',
        '\x1b',
        '\x9b',
        '\r',
        '\n',
        '\x07',
        '\x7f',
        '\u202e',
        '\u2066',
        '[2J',
        ']0;x',
      ),
    });
    fc.assert(
      fc.property(hostile, hostile, fc.double({ min: 0, max: 1, noNaN: true }), (text, phrase, score) => {
        for (const shown of [
          drawOutcome(tagged(text, [[phrase, score]]), plain),
          describeOutcome(tagged(text, [[phrase, score]])),
        ]) {
          expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
          expect(shown.split('\n')).toHaveLength(4);
        }
      }),
    );
  });
});
