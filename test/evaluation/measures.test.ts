import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, type EvaluationCase } from '../../src/evaluation/measures.js';

const post = (gold: string[], predicted: string[], text = ''): EvaluationCase => ({ gold, predicted, text });
const log = Math.log2;

describe('evaluate', () => {
  it('averages precision and recall over the posts before their harmonic mean', () => {
    // P@1 = (1 + 0) / 2, R@1 = (1/2 + 0) / 2; P@3 = (2/3 + 1/3) / 2, R@3 = (1 + 1) / 2
    const { all } = evaluate([post(['a', 'b'], ['a', 'x', 'b', 'y']), post(['c'], ['x', 'y', 'c'])]);
    expect(all.posts).toBe(2);
    expect(all.f1At1).toBeCloseTo((100 * 2 * 0.5 * 0.25) / 0.75, 10);
    expect(all.f1At3).toBeCloseTo((100 * 2 * 0.5 * 1) / 1.5, 10);
  });

  it('divides precision by the number of predictions where there are fewer than k', () => {
    const { all } = evaluate([post(['a', 'b', 'c', 'd'], ['a'])]);
    expect(all.f1At3).toBeCloseTo((100 * 2 * 1 * 0.25) / 1.25, 10);
  });

  it('divides average precision by the number of true phrases and looks at five predictions', () => {
    const { all } = evaluate([post(['a', 'b', 'c'], ['a', 'x', 'b', 'y', 'z', 'c'])]);
    expect(all.mapAt5).toBeCloseTo((100 * (1 + 2 / 3)) / 3, 10);
  });

  it('compares discounted gain with that of the true phrases at the top', () => {
    const { all } = evaluate([post(['a', 'b', 'c'], ['x', 'a', 'y', 'b', 'z', 'c'])]);
    const ideal = 1 + 1 / log(3) + 1 / log(4);
    expect(all.ndcgAt5).toBeCloseTo((100 * (1 / log(3) + 1 / log(5))) / ideal, 10);
  });

  it('expects no more than five hits of a post with more true phrases', () => {
    const gold = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(evaluate([post(gold, gold)]).all.ndcgAt5).toBeCloseTo(100, 10);
  });

  it('compares stems and ignores case', () => {
    expect(evaluate([post(['beagles'], ['Beagle'])]).all.f1At1).toBe(100);
    expect(evaluate([post(['wildflower hour'], ['wildflowers hours'])]).all.f1At1).toBe(100);
    expect(evaluate([post(['wildflower hour'], ['wildflowerhour'])]).all.f1At1).toBe(0);
  });

  it('counts phrases with the same stems once', () => {
    const { all } = evaluate([post(['dog', 'dogs'], ['cat', 'cats', 'dog', 'dogs'])]);
    expect(all.f1At3).toBeCloseTo((100 * 2 * 0.5 * 1) / 1.5, 10);
  });

  it('drops phrases with a comma, a full stop or an unknown word among their words', () => {
    const { all } = evaluate([post(['a', ', b'], ['x , y', 'new <unk>', 'st . ives', '', 'a'])]);
    expect(all.f1At1).toBe(100);
  });

  it('counts a post without predictions as 0 and keeps it in the average', () => {
    const { all } = evaluate([post(['a'], []), post(['a'], ['a'])]);
    expect(all).toEqual({ posts: 2, f1At1: 50, f1At3: 50, mapAt5: 50, ndcgAt5: 50 });
  });

  it('judges present and absent phrases apart, each ranked among its own', () => {
    const { present, absent } = evaluate([
      post(
        ['stone walls', 'carlow', 'wildflower hour'],
        ['hour', 'gardens', 'carlow'],
        'A stone wall in Carlow',
      ),
      post(['gardens'], ['gardens'], 'flowers'),
    ]);
    // Present: true are "stone wall", "carlow", predicted "carlow"; the second post has no true one.
    expect(present.posts).toBe(1);
    expect(present.f1At1).toBeCloseTo((100 * 2 * 1 * 0.5) / 1.5, 10);
    // Absent: "wildflower hour" against "hour", "garden"; "garden" against "garden".
    expect(absent.posts).toBe(2);
    expect(absent.f1At1).toBe(50);
  });

  it('finds a present phrase as whole words in a row only', () => {
    const presentPosts = (gold: string, text: string) => evaluate([post([gold], [], text)]).present.posts;
    expect(presentPosts('stone walls', 'the stone wall here')).toBe(1);
    expect(presentPosts('stone walls', 'wall of stone')).toBe(0);
    expect(presentPosts('art', 'a party')).toBe(0);
  });

  it('gives zeros for no posts', () => {
    expect(evaluate([]).all).toEqual({ posts: 0, f1At1: 0, f1At3: 0, mapAt5: 0, ndcgAt5: 0 });
  });
});

describe('evaluate, whatever the posts', () => {
  const phrase = fc.constantFrom('new york', 'dogs', 'dog', 'storm hour', 'bts', 'beagle', 'x .', 'cosplay');
  const cases = fc.array(
    fc.record({
      gold: fc.array(phrase, { minLength: 1, maxLength: 4 }),
      predicted: fc.array(phrase, { maxLength: 7 }),
      text: fc.array(phrase, { maxLength: 3 }).map((words) => words.join(' ')),
    }),
    { minLength: 1, maxLength: 12 },
  );
  const figures = (posts: readonly EvaluationCase[]) =>
    Object.values(evaluate(posts)).flatMap((scores: object) => Object.values(scores) as number[]);

  it('gives the same for the posts in another order', () => {
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.nat()), (posts, keys) => {
        const shuffled = posts
          .map((each) => ({ each, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ each }) => each);
        const expected = figures(posts);
        for (const [index, figure] of figures(shuffled).entries()) {
          expect(figure).toBeCloseTo(expected[index] ?? NaN, 9);
        }
      }),
    );
  });

  it('gives figures between 0 and 100', () => {
    fc.assert(
      fc.property(cases, (posts) => {
        for (const { f1At1, f1At3, mapAt5, ndcgAt5 } of Object.values(evaluate(posts))) {
          for (const figure of [f1At1, f1At3, mapAt5, ndcgAt5]) {
            expect(figure).toBeGreaterThanOrEqual(0);
            expect(figure).toBeLessThanOrEqual(100 + 1e-9);
          }
        }
      }),
    );
  });

  it('gives 100 for perfect predictions', () => {
    fc.assert(
      fc.property(cases, (posts) => {
        const one = posts.map((each) => ({ ...each, gold: ['bts'], predicted: ['bts'] }));
        expect(evaluate(one).all).toEqual({
          posts: one.length,
          f1At1: 100,
          f1At3: 100,
          mapAt5: 100,
          ndcgAt5: 100,
        });
        const several = posts
          .filter(({ gold }) => gold.some((each) => each !== 'x .'))
          .map((each) => ({ ...each, predicted: each.gold }));
        if (several.length === 0) return;
        expect(evaluate(several).all.mapAt5).toBeCloseTo(100, 9);
        expect(evaluate(several).all.ndcgAt5).toBeCloseTo(100, 9);
      }),
    );
  });

  it('never gives a higher F1@1 for a wrong tag put first', () => {
    fc.assert(
      fc.property(cases, fc.nat(), (posts, choice) => {
        const spoilt = posts.map((each, index) =>
          index === choice % posts.length ? { ...each, predicted: ['wrong tag', ...each.predicted] } : each,
        );
        expect(evaluate(spoilt).all.f1At1).toBeLessThanOrEqual(evaluate(posts).all.f1At1 + 1e-9);
      }),
    );
  });
});
