import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locatePhrase, placePhrase } from '../../src/domain/keyphrase.js';

describe('locating a phrase in a text', () => {
  it.each([
    ['wildflower hour', 'Out for #WildflowerHour again', '#WildflowerHour'],
    ['wildflower hour', 'it is Wildflower-Hour!', 'Wildflower-Hour'],
    ['carlow', 'a wall in Clonmore, east CARLOW', 'CARLOW'],
    ['c++', 'I like C++ more', 'C++'],
    ['café', 'Un Café, s’il vous plaît 🙂', 'Café'],
    ['mufc', '🙂🙂 #MUFC', '#MUFC'],
  ])('finds "%s" in "%s"', (phrase, text, found) => {
    const place = locatePhrase(phrase, text);
    expect(text.slice(place?.start, place?.end)).toBe(found.replace(/^#/, ''));
  });

  it.each([
    ['cat', 'concatenate'],
    ['hour', 'hours'],
    ['wildflower hour', 'wildflower and hour'],
    ['', 'anything'],
    ['a.b', 'axb'],
  ])('does not find "%s" in "%s"', (phrase, text) => {
    expect(locatePhrase(phrase, text)).toBeUndefined();
  });

  it('gives a place within the text for any phrase and text, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (phrase, text) => {
        const place = locatePhrase(phrase, text);
        if (place === undefined) return;
        expect(place.start).toBeGreaterThanOrEqual(0);
        expect(place.end).toBeGreaterThan(place.start);
        expect(place.end).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('locating a phrase of marks and letters', () => {
  const units = fc.constantFrom('.', '-', 'a', 'B', '1', ' ', '(', '\\', '\u0301', '🙂', '#', 'İ');
  const strings = (maxLength: number) => fc.string({ unit: units, maxLength });

  it('finds every phrase in itself, in either case', () => {
    fc.assert(
      fc.property(strings(12), (phrase) => {
        fc.pre(phrase.trim() !== '');
        const text = phrase.trim().replace(/\s+/g, ' ');
        expect(locatePhrase(phrase, text)).toEqual({ start: 0, end: text.length });
      }),
      { numRuns: 10_000 },
    );
  });

  it('gives a place within the text, and never throws', () => {
    fc.assert(
      fc.property(strings(12), strings(60), (phrase, text) => {
        const { start, end } = locatePhrase(phrase, text) ?? { start: 0, end: 1 };
        expect(end).toBeGreaterThan(start);
        expect(end).toBeLessThanOrEqual(Math.max(1, text.length));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    ['marks', '. '.repeat(40), '.'.repeat(1_000_000)],
    ['a letter again and again', 'a '.repeat(40), 'a '.repeat(500_000)],
    ['a letter between marks', 'a. '.repeat(40), 'a..'.repeat(300_000)],
    ['the beginning of the phrase', `${'a '.repeat(20)}b`, 'a '.repeat(500_000)],
  ])('comes in linear time from 1 MB of %s', (_, phrase, text) => {
    // Where the ways to match multiply, this fails by the test's time-out.
    expect(() => locatePhrase(phrase, text)).not.toThrow();
  });
});

describe('placing a phrase', () => {
  const phrase = { phrase: 'game of thrones', score: 0.5, origin: ['classified'] } as const;

  it('prefers the post’s text to the image’s', () => {
    const placed = placePhrase(phrase, 'Game of Thrones!', 'game of thrones');
    expect(placed).toEqual({ ...phrase, present: true, span: { of: 'text', start: 0, end: 15 } });
  });

  it('looks in the image’s text', () => {
    const placed = placePhrase(phrase, 'tonight', 'HBO Game of Thrones');
    expect(placed).toEqual({ ...phrase, present: true, span: { of: 'imageText', start: 4, end: 19 } });
  });

  it('says when the phrase stands nowhere', () => {
    expect(placePhrase(phrase, 'tonight', '')).toEqual({ ...phrase, present: false });
  });
});
