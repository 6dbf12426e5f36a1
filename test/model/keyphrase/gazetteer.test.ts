import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGazetteer, type PhraseMatch } from '../../../src/model/keyphrase/gazetteer.js';
import { stemText } from '../../../src/model/keyphrase/stemming.js';

const labels = ['wildflower hour', 'cat', 'cats of twitter', 'dog', 'wild'];
const gazetteer = createGazetteer(labels);
/** The places of the labels that stand in a text, by label. */
const find = (text: string): ReadonlyMap<string, PhraseMatch> =>
  new Map([...gazetteer.find(stemText(text))].map(([label, place]) => [labels[label]!, place]));

describe('the gazetteer', () => {
  it('finds labels by their letters, wherever their spaces are', () => {
    expect(find('it is wildflowerhour again')).toEqual(
      new Map([['wildflower hour', { start: 2 / 4, by: 'letters' }]]),
    );
    expect(find('wild flower hour')).toEqual(
      new Map([
        ['wild', { start: 0, by: 'letters' }],
        ['wildflower hour', { start: 0, by: 'letters' }],
      ]),
    );
  });

  it('finds labels by the stems of their words', () => {
    expect(find('wildflowers hours')).toEqual(new Map([['wildflower hour', { start: 0, by: 'stems' }]]));
  });

  it('prefers the place where the very letters stand to an earlier one of the same stems', () => {
    expect(find('cats and a cat')).toEqual(new Map([['cat', { start: 3 / 4, by: 'letters' }]]));
    expect(find('cat and cats')).toEqual(new Map([['cat', { start: 0, by: 'letters' }]]));
  });

  it('finds nothing in an empty text', () => {
    expect(find('')).toEqual(new Map());
  });

  it('finds a label in a text made of other words exactly where it was put', () => {
    const filler = fc.array(fc.constantFrom('the', 'and', '<url>', '!'), { maxLength: 8 });
    fc.assert(
      fc.property(filler, fc.constantFrom(...labels), filler, (before, label, after) => {
        const words = [...before, ...label.split(' '), ...after];
        expect(find(words.join(' ')).get(label)).toEqual({
          start: before.length / words.length,
          by: 'letters',
        });
      }),
    );
  });

  it('locates a phrase that is no label by its stems, at its first place', () => {
    const text = stemText('two cats , two cats');
    expect(gazetteer.locate(stemText('two cat').stems, text)).toEqual({ start: 0, by: 'stems' });
    expect(gazetteer.locate(stemText('cats two').stems, text)).toBeUndefined();
    expect(gazetteer.locate(stemText('cats').stems, stemText(''))).toBeUndefined();
  });

  it('knows the number and the stems of each label', () => {
    expect(gazetteer.labelOf('cats of twitter')).toBe(2);
    expect(gazetteer.labelOf('cats')).toBeUndefined();
    expect(gazetteer.stemsOf(2)).toEqual(['cat', 'of', 'twitter']);
  });
});
