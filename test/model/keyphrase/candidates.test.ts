import { describe, expect, it } from 'vitest';
import { chooseCandidates, originOf } from '../../../src/model/keyphrase/candidates.js';
import { createSmallLabelStore, contextOf, type sourcesOf } from './small-label-store.js';

const labelStore = createSmallLabelStore();

/** The candidates' phrases with how they were found; of the classifier's labels two are candidates. */
function found(said: Parameters<typeof sourcesOf>[0]): Readonly<Record<string, readonly string[]>> {
  const context = contextOf(labelStore, said);
  const candidates = chooseCandidates(context, labelStore, 2);
  expect(new Set(candidates.map(({ phrase }) => phrase)).size).toBe(candidates.length);
  return Object.fromEntries(candidates.map((one) => [one.phrase, originOf(one, context, 2)]));
}

describe('the candidates for a post', () => {
  it('are the first labels of the classifier', () => {
    const classified = [4, 3, 5].map((index) => ({ index, score: -1 }));
    expect(found({ post: {}, classified })).toEqual({ sofa: ['classified'], dog: ['classified'] });
  });

  it('are the labels whose words are most similar to the post', () => {
    expect(found({ post: {}, alike: [{ index: 3, score: 0.9 }] })).toEqual({ dog: ['classified'] });
  });

  it('are the generated phrases, whether they are labels or not', () => {
    const generated = ['dog', 'red panda'].map((phrase) => ({ phrase, logProbability: -1 }));
    expect(found({ post: {}, generated })).toEqual({ dog: ['generated'], 'red panda': ['generated'] });
  });

  it('are no generated marks, half words or unknown pieces', () => {
    const phrases = [',', 'efl ,', '##ing', '[UNK]', 'red [UNK]', 'red ##ing', 'c 3 po', '東京'];
    const generated = phrases.map((phrase) => ({ phrase, logProbability: -1 }));
    expect(Object.keys(found({ post: {}, generated }))).toEqual(['c 3 po', '東京']);
  });

  it('count as copied where they stand in the post, be it in other forms', () => {
    const generated = ['red panda', 'storm hour'].map((phrase) => ({ phrase, logProbability: -1 }));
    expect(
      found({ post: { text: 'two red pandas', imageText: 'stormhour', entities: ['dog'] }, generated }),
    ).toEqual({
      'red panda': ['copied'],
      'storm hour': ['copied'],
      dog: ['copied'],
    });
  });

  it('are the labels of the neighbours', () => {
    expect(found({ post: {}, neighbours: [{ similarity: 0.9, labels: [3, 4] }] })).toEqual({
      dog: ['neighbour'],
      sofa: ['neighbour'],
    });
  });

  it('are the labels that went with its words in labelled posts', () => {
    expect(found({ post: { text: 'cat' } })).toEqual({
      caturday: ['neighbour'],
      'cats of twitter': ['neighbour'],
    });
  });

  it('are each named once, with every way it was found', () => {
    const said = {
      post: { text: 'what a dog' },
      classified: [{ index: 3, score: -1 }],
      neighbours: [{ similarity: 0.9, labels: [3] }],
      generated: [{ phrase: 'dog', logProbability: -1 }],
    };
    expect(found(said)['dog']).toEqual(['classified', 'copied', 'neighbour']);
  });

  it('are none where nothing is known', () => {
    expect(found({ post: { text: 'zorblax' } })).toEqual({});
  });
});
