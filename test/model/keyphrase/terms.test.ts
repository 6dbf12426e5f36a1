import { describe, expect, it } from 'vitest';
import { termsOf, wordsOf } from '../../../src/model/keyphrase/terms.js';

describe('the words of a text', () => {
  it('are those with a letter or a digit that are no placeholders', () => {
    expect(wordsOf('so , <user> is 5 -- café 東京 <number> c++ _ !')).toEqual([
      'so',
      'is',
      '5',
      'café',
      '東京',
      'c++',
    ]);
    expect(wordsOf('')).toEqual([]);
  });
});

describe('the terms of a post', () => {
  it('are distinct, and an entity’s name is one beside its words', () => {
    expect(
      termsOf({
        text: 'a cat is a cat',
        entities: ['iron throne', 'throne'],
        attributes: ['man', 'red chair', 'man'],
        imageText: 'final season',
      }),
    ).toEqual({
      text: ['a', 'cat', 'is'],
      pairs: ['a cat', 'cat is', 'is a'],
      entities: ['iron throne', 'throne', 'iron'],
      attributes: ['man', 'red', 'chair'],
      ocr: ['final', 'season'],
    });
  });
});
