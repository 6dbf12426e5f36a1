import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../../../src/model/bundle.js';
import { createTokenizer } from '../../../src/model/keyphrase/tokenizer.js';

const bundle = readBundle(fileURLToPath(new URL('../../../models/bundle', import.meta.url)));
const tokenizer = createTokenizer(bundle);
const { limits, labels } = bundle.manifest.text;
const [cls, sep] = [tokenizer.idOf('[CLS]'), tokenizer.idOf('[SEP]')];

describe('the tokenizer', () => {
  it('lays text, entities, attributes and image text one after the other, each with its type', () => {
    const { ids, types } = tokenizer.tokenize({
      text: 'my cat',
      entities: ['sofa', 'chair'],
      attributes: ['red'],
      imageText: 'home',
    });
    const pieces = ['my', 'cat', 'sofa', ',', 'chair', 'red', 'home'].map(tokenizer.idOf);
    const [my, cat, sofa, comma, chair, red, home] = pieces;
    expect(ids).toEqual([cls, my, cat, sep, sofa, comma, chair, sep, red, sep, home, sep]);
    expect(types).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3]);
  });

  it('leaves out empty segments but the first', () => {
    const { ids, types } = tokenizer.tokenize({ text: '', entities: [], attributes: ['red'], imageText: '' });
    expect(ids).toEqual([cls, sep, tokenizer.idOf('red'), sep]);
    expect(types).toEqual([0, 0, 2, 2]);
  });

  it('cuts each segment to its own limit, whatever the others hold', () => {
    const words = fc.array(fc.constantFrom('cat', 'sofa', 'thunderstorm', '!'), { maxLength: 120 });
    fc.assert(
      fc.property(words, words, words, words, (text, entities, attributes, imageText) => {
        const { ids, types } = tokenizer.tokenize({
          text: text.join(' '),
          entities,
          attributes,
          imageText: imageText.join(' '),
        });
        expect(types).toHaveLength(ids.length);
        expect(types).toEqual(types.toSorted((a, b) => a - b));
        const most = [limits.text + 2, limits.entities + 1, limits.attributes + 1, limits.ocr + 1];
        most.forEach((count, type) => {
          expect(types.filter((other) => other === type).length).toBeLessThanOrEqual(count);
        });
        expect(ids.filter((id) => id === sep)).toHaveLength(new Set(types).size);
      }),
      { numRuns: 30 },
    );
  });

  const hostile = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.constantFrom(
          ' ',
          '  ',
          '[SEP]',
          '[CLS]',
          '[UNK]',
          '##ing',
          'x'.repeat(120),
          'bb',
          '\u0301',
          '中',
          '\u200b',
          '\ud800',
        ),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''));

  it('takes whatever comes, and cuts a text as if all of it had been taken', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, imageText) => {
        const { ids, types } = tokenizer.tokenize({ text, entities: [], attributes: [], imageText });
        const segment = (type: number) => ids.filter((_, index) => types[index] === type);
        expect(segment(0)).toEqual([cls, ...tokenizer.wordpiecesOf(text).slice(0, limits.text), sep]);
        const rest = tokenizer.wordpiecesOf(imageText).slice(0, limits.ocr);
        expect(segment(3)).toEqual(rest.length === 0 ? [] : [...rest, sep]);
      }),
      { numRuns: 10_000 },
    );
  });

  it('spells every label from its pieces again, but for spaces around marks', () => {
    const wrong = bundle
      .lines(labels)
      .filter(
        (label) =>
          tokenizer.phraseOf(tokenizer.wordpiecesOf(label)).replaceAll(' ', '') !== label.replaceAll(' ', ''),
      );
    expect(wrong).toEqual([]);
  });

  it('knows which tokens stand for no word', () => {
    expect(
      ['[PAD]', '[CLS]', '[SEP]', 'cat'].map((piece) => tokenizer.isSpecial(tokenizer.idOf(piece))),
    ).toEqual([true, true, true, false]);
    expect(() => tokenizer.idOf('no such piece')).toThrow('has no no such piece token');
  });
});
