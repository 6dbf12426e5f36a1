import { describe, expect, it } from 'vitest';
import { LabelledPostsError, readLabelledPosts } from '../../src/commands/labelled-posts.js';

const line = {
  id: 'test-1',
  text: 'a dog in the grass',
  ocr: 'no dogs',
  entities: ['beagle'],
  attributes: ['dog', 'grass'],
  match: 0.91,
  keyphrases: ['dogs', 'stop adani'],
  image: 'photo.jpg',
};
const asNdjson = (...contents: readonly unknown[]) =>
  contents.map((content) => `${JSON.stringify(content)}\n`).join('');

describe('a file of labelled posts', () => {
  it('may have the benchmark’s own lines, whose fields are taken as enrichment', () => {
    expect(readLabelledPosts(asNdjson(line))).toStrictEqual([
      {
        post: {
          id: 'test-1',
          text: 'a dog in the grass',
          images: [],
          enrichment: {
            imageText: 'no dogs',
            entities: ['beagle'],
            attributes: ['dog', 'grass'],
            match: 0.91,
          },
        },
        keyphrases: ['dogs', 'stop adani'],
      },
    ]);
  });

  it('may have lines whose image was not matched', () => {
    const [labelled] = readLabelledPosts(asNdjson({ ...line, match: null }));
    expect(labelled?.post.enrichment).toStrictEqual({
      imageText: 'no dogs',
      entities: ['beagle'],
      attributes: ['dog', 'grass'],
    });
  });

  it('may have plain posts with keyphrases, and empty lines', () => {
    const plain = { id: '1', text: 'a', images: ['cat.jpg'], keyphrases: ['cats'] };
    expect(readLabelledPosts(`\ufeff\n${asNdjson(plain)}\r\n`)).toStrictEqual([
      { post: { id: '1', text: 'a', images: ['cat.jpg'] }, keyphrases: ['cats'] },
    ]);
  });

  it.each([
    ['{', 'line 2: not JSON'],
    ['[]', 'line 2: not a JSON object'],
    ['{"id":"1","text":"a"}', 'line 2: keyphrases: missing'],
    ['{"id":"1","text":"a","keyphrases":"cats"}', 'line 2: keyphrases: expected a list of strings'],
    ['{"id":"1","text":"a","keyphrases":["a",5]}', 'line 2: keyphrases[1]: expected a string'],
    ['{"id":"1","keyphrases":[]}', 'line 2: text: missing'],
    ['{"id":"1","text":"a","keyphrases":[],"ocr":5}', 'line 2: enrichment.imageText: expected a string'],
  ])('with the line %s is refused: %s', (bad, message) => {
    expect(() => readLabelledPosts(`${asNdjson(line)}${bad}\n`)).toThrow(new LabelledPostsError(message));
  });
});
