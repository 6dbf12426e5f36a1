import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Keyphrase } from '../../src/domain/keyphrase.js';
import { countFrequent, createTrends } from '../../src/web/trends.js';

const phrase = (name: string, score = 0.5): Keyphrase => ({
  phrase: name,
  score,
  present: false,
  origin: ['classified'],
});

function clock() {
  let ms = 7_200_000;
  return { now: () => ms, pass: (seconds: number) => void (ms += seconds * 1000) };
}

/** What is told of each period, as `phrase: posts`. */
const told = (trends: ReturnType<typeof createTrends>) =>
  trends.top().map(({ phrases }) => phrases.map(({ phrase, posts }) => `${phrase}: ${posts}`).join(', '));

describe('trends', () => {
  it('tell the phrases of most posts first, over the last minute, ten minutes and hour', () => {
    const { now, pass } = clock();
    const trends = createTrends(now);
    for (let i = 0; i < 3; i += 1) trends.count([phrase('cats')]);
    pass(120);
    trends.count([phrase('cats'), phrase('dogs')]);
    trends.count([phrase('dogs')]);
    expect(trends.top().map(({ seconds }) => seconds)).toEqual([60, 600, 3_600]);
    expect(told(trends)).toEqual(['dogs: 2, cats: 1', 'cats: 4, dogs: 2', 'cats: 4, dogs: 2']);
    pass(600);
    expect(told(trends)).toEqual(['', '', 'cats: 4, dogs: 2']);
    pass(3_600);
    expect(told(trends)).toEqual(['', '', '']);
  });

  it('leave out what is likely wrong', () => {
    const trends = createTrends(clock().now);
    trends.count([phrase('sure', 0.2), phrase('unsure', 0.19)]);
    expect(told(trends)).toEqual(['sure: 1', 'sure: 1', 'sure: 1']);
  });

  it('tell ten phrases at most', () => {
    const trends = createTrends(clock().now);
    trends.count(Array.from({ length: 30 }, (_, index) => phrase(`p${index}`)));
    expect(trends.top()[0]?.phrases).toHaveLength(10);
  });
});

describe('countFrequent', () => {
  it('counts in bounded memory, and no count is too low by more than its share of all', () => {
    const items = fc.array(fc.nat(30).map(String), { maxLength: 400 });
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 12 }), (stream, most) => {
        const counts = new Map<string, number>();
        const exact = new Map<string, number>();
        for (const item of stream) {
          countFrequent(counts, item, most);
          exact.set(item, (exact.get(item) ?? 0) + 1);
        }
        expect(counts.size).toBeLessThanOrEqual(most);
        for (const [item, count] of exact) {
          const known = counts.get(item) ?? 0;
          expect(known).toBeLessThanOrEqual(count);
          expect(count - known).toBeLessThanOrEqual(stream.length / (most + 1));
        }
      }),
    );
  });
});
