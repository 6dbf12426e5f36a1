import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keyphrase } from '../../src/domain/keyphrase.js';
import { marksIn, maxShownText, toPostView } from '../../src/web/post-view.js';
import { deadLetter, photo, position, tagged } from './finished-posts.js';

const keyphrase = (start: number, end: number, of: 'text' | 'imageText' = 'text'): Keyphrase => ({
  phrase: 'p',
  score: 0.5,
  present: true,
  origin: ['copied'],
  span: { of, start, end },
});

describe('marksIn', () => {
  it('marks each keyphrase where it stands, in the order of the text', () => {
    expect(marksIn('cats and dogs', [keyphrase(9, 13), keyphrase(0, 4)])).toEqual([
      { start: 0, end: 4 },
      { start: 9, end: 13 },
    ]);
  });

  it('marks the longer of two keyphrases that start together', () => {
    expect(marksIn('new york city', [keyphrase(0, 8), keyphrase(0, 13)])).toEqual([{ start: 0, end: 13 }]);
  });

  it('leaves out what stands in the image’s text or beyond the text', () => {
    expect(marksIn('cats', [keyphrase(0, 4, 'imageText'), keyphrase(2, 9)])).toEqual([]);
  });

  it('makes marks that are in order, apart and within the text, and covers the start of every keyphrase', () => {
    const spans = fc.array(fc.tuple(fc.nat(30), fc.nat(30)));
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), spans, (text, pairs) => {
        const keyphrases = pairs.map(([start, length]) => keyphrase(start, start + length));
        const marks = marksIn(text, keyphrases);
        let shownTo = 0;
        for (const { start, end } of marks) {
          expect(start).toBeGreaterThanOrEqual(shownTo);
          expect(end).toBeGreaterThan(start);
          shownTo = end;
        }
        expect(shownTo).toBeLessThanOrEqual(text.length);
        for (const { span } of keyphrases) {
          if (span === undefined || span.start === span.end || span.end > text.length) continue;
          expect(marks.some(({ start, end }) => start <= span.start && span.start < end)).toBe(true);
        }
      }),
    );
  });
});

describe('toPostView', () => {
  it('shows a tagged post with its text, its photo’s path and how long it took', () => {
    const use = { used: true, match: 0.9 };
    const outcome = tagged('a', { text: 'cats', keyphrases: [keyphrase(0, 4)], photo, use });
    const view = toPostView({ outcome, timestamp: 1_000 }, 7, 3_500, '/api/photos/7');
    expect(view).toEqual({
      kind: 'tagged',
      key: 7,
      at: '1970-01-01T00:00:03.500Z',
      seconds: 2.5,
      position: { topic: 'posts', partition: 2, offset: '9007199254740993' },
      id: 'a',
      text: 'cats',
      marks: [{ start: 0, end: 4 }],
      keyphrases: [keyphrase(0, 4)],
      entities: [],
      image: { used: true, match: 0.9, photo: '/api/photos/7' },
      model: { name: 'm', version: '0' },
    });
  });

  it('says why an image was not used', () => {
    const late = { kind: 'absent', reason: 'timed_out', detail: 'after 5 s' } as const;
    const outcome = tagged('a', { photo: late, use: { used: false, reason: 'timed_out' } });
    const view = toPostView({ outcome, timestamp: 0 }, 1, 0);
    expect(view).toHaveProperty('image', { used: false, reason: 'timed_out', detail: 'after 5 s' });
  });

  it('shows the photo that was looked at and not used', () => {
    const outcome = tagged('a', { photo, use: { used: false, reason: 'not_matching', match: 0.1 } });
    expect(toPostView({ outcome, timestamp: 0 }, 3, 0, '/api/photos/3')).toHaveProperty('image', {
      used: false,
      reason: 'not_matching',
      match: 0.1,
      photo: '/api/photos/3',
    });
  });

  it('shows a dead letter with its reason and the beginning of its value', () => {
    const outcome = deadLetter('not_json', Buffer.from(`{"id": ${'x'.repeat(10_000)}`));
    expect(toPostView({ outcome, timestamp: 0 }, 1, 0)).toMatchObject({
      kind: 'dead-letter',
      reason: 'not_json',
      detail: 'what is wrong',
      excerpt: `{"id": ${'x'.repeat(293)}`,
    });
  });

  it('does not break a character where it cuts a dead letter’s value', () => {
    const outcome = deadLetter('not_json', Buffer.from(`${'x'.repeat(299)}é`));
    expect(toPostView({ outcome, timestamp: 0 }, 1, 0)).toMatchObject({ excerpt: 'x'.repeat(299) });
  });

  it('shows a dead letter without a value', () => {
    expect(toPostView({ outcome: deadLetter('not_json', null), timestamp: 0 }, 1, 0)).toMatchObject({
      excerpt: '',
    });
  });

  it('shows skipped posts and withdrawn ones', () => {
    const skipped = toPostView(
      { outcome: { kind: 'skipped', position, reason: 'duplicate' }, timestamp: 0 },
      1,
      0,
    );
    expect(skipped).toMatchObject({ kind: 'skipped', reason: 'duplicate' });
    const withdrawn = toPostView({ outcome: { kind: 'tombstone', position, id: 'a' }, timestamp: 0 }, 1, 0);
    expect(withdrawn).toMatchObject({ kind: 'tombstone', id: 'a' });
  });

  it('cuts a long text, never through a surrogate pair, and marks nothing beyond the cut', () => {
    const text = `${'x'.repeat(maxShownText - 1)}😹 and more`;
    const outcome = tagged('a', { text, keyphrases: [keyphrase(maxShownText + 2, maxShownText + 5)] });
    const view = toPostView({ outcome, timestamp: 0 }, 1, 0);
    expect(view).toMatchObject({ text: `${'x'.repeat(maxShownText - 1)}…`, marks: [] });
  });

  it('never shows a negative duration, whatever clock the record was stamped by', () => {
    expect(toPostView({ outcome: tagged('a'), timestamp: 5_000 }, 1, 0).seconds).toBe(0);
  });

  it('is plain JSON', () => {
    const view = toPostView({ outcome: tagged('a', { photo }), timestamp: 0 }, 1, 0);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });
});
