import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Post } from '../../src/domain/post.js';
import { readPlain } from '../../src/formats/plain.js';

const absent = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const words = fc.array(fc.string());
const posts: fc.Arbitrary<Post> = fc
  .record({
    id: fc.string({ minLength: 1 }),
    text: fc.string({ unit: 'binary' }),
    images: words,
    createdAt: absent(fc.date({ noInvalidDate: true }).map((date) => date.toISOString())),
    language: absent(fc.string()),
    enrichment: absent(
      fc.record({
        entities: absent(words),
        imageText: absent(fc.string()),
        attributes: absent(words),
        match: absent(fc.double({ min: 0, max: 1, noNaN: true }).map((match) => match + 0)),
      }),
    ),
  })
  .map((post) => JSON.parse(JSON.stringify(post)) as Post);

describe('a plain post', () => {
  it('comes back from JSON as it was', () => {
    fc.assert(
      fc.property(posts, (post) => {
        expect(readPlain({ ...post })).toStrictEqual({ kind: 'post', post });
      }),
    );
  });

  it('needs an id and a text, and has no images where none are given', () => {
    expect(readPlain({ id: '1', text: '' })).toStrictEqual({
      kind: 'post',
      post: { id: '1', text: '', images: [] },
    });
  });

  it('takes null for absent and passes over unknown fields', () => {
    const content = {
      id: '1',
      text: 'a',
      images: null,
      language: null,
      enrichment: { match: null, mood: 3 },
      likes: 5,
    };
    expect(readPlain(content)).toStrictEqual({
      kind: 'post',
      post: { id: '1', text: 'a', images: [], enrichment: {} },
    });
  });

  it('takes a whole number as its id while JSON gives it exactly', () => {
    expect(readPlain({ id: 9007199254740991, text: 'a' })).toMatchObject({
      post: { id: '9007199254740991' },
    });
    expect(readPlain({ id: 0, text: 'a' })).toMatchObject({ post: { id: '0' } });
    for (const id of [9007199254740992, 1.5, true, '', {}]) {
      expect(readPlain({ id, text: 'a' })).toStrictEqual({
        kind: 'rejected',
        reason: 'invalid_post',
        detail: 'id: expected a string that is not empty, or a whole number within 2^53',
      });
    }
  });

  it.each([
    [{ text: 'a' }, 'id: missing'],
    [{ id: '1' }, 'text: missing'],
    [{ id: null, text: null }, 'id: missing; text: missing'],
    [{ id: '1', text: 5 }, 'text: expected a string'],
    [{ id: '1', text: 'a', images: 'cat.jpg' }, 'images: expected a list of strings'],
    [{ id: '1', text: 'a', images: ['cat.jpg', 5] }, 'images[1]: expected a string'],
    [{ id: '1', text: 'a', createdAt: 5 }, 'createdAt: expected a string'],
    [{ id: '1', text: 'a', enrichment: [] }, 'enrichment: expected an object'],
    [
      { id: '1', text: 'a', enrichment: { entities: [{ label: 'dog' }] } },
      'enrichment.entities[0]: expected a string',
    ],
    [{ id: '1', text: 'a', enrichment: { match: 1.5 } }, 'enrichment.match: expected a number from 0 to 1'],
    [{ id: '1', text: 'a', enrichment: { match: '1' } }, 'enrichment.match: expected a number from 0 to 1'],
    [
      { id: '1', text: 'a', enrichment: { attributes: ['dog', 7] } },
      'enrichment.attributes[1]: expected a string',
    ],
  ])('that is %j is rejected: %s', (content, detail) => {
    expect(readPlain(content)).toStrictEqual({ kind: 'rejected', reason: 'invalid_post', detail });
  });

  it.each([
    [{ id: 'x'.repeat(1_001) }, 'id: longer than 1000 UTF-16 units'],
    [
      { enrichment: { entities: Array<string>(90_000).fill('a') } },
      'enrichment.entities: more than 200 entries',
    ],
    [
      { enrichment: { attributes: ['dog', 'x'.repeat(201)] } },
      'enrichment.attributes[1]: longer than 200 UTF-16 units',
    ],
    [
      { enrichment: { imageText: 'x'.repeat(100_001) } },
      'enrichment.imageText: longer than 100000 UTF-16 units',
    ],
  ])('with more than its result can carry (case %#) is rejected by field and limit', (fields, detail) => {
    expect(readPlain({ id: '1', text: 'a', ...fields })).toStrictEqual({
      kind: 'rejected',
      reason: 'invalid_post',
      detail,
    });
  });

  it('may be as large as the bounds', () => {
    const words = Array<string>(200).fill('x'.repeat(200));
    const enrichment = { entities: words, attributes: words, imageText: 'x'.repeat(100_000) };
    expect(readPlain({ id: 'x'.repeat(1_000), text: 'a', enrichment }).kind).toBe('post');
  });

  it('with very many faults is rejected in a few words', () => {
    const images = Array.from({ length: 100_000 }, () => 5);
    expect(readPlain({ id: '1', text: 'a', images })).toMatchObject({
      detail: expect.stringMatching(/^images\[0\]: expected a string; .*; and 99995 more$/) as string,
    });
  });
});

it('refuses an id that would be another one as a key', () => {
  expect(readPlain({ id: 'a\ud800', text: 'x' })).toMatchObject({
    kind: 'rejected',
    detail: 'id: a surrogate stands alone in it, which a key cannot carry',
  });
  expect(readPlain({ id: '😹', text: 'x' })).toMatchObject({ kind: 'post', post: { id: '😹' } });
});
