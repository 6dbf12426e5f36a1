import { describe, expect, it } from 'vitest';
import { chooseCandidates } from '../../../src/model/keyphrase/candidates.js';
import { featureNames, featuresOf } from '../../../src/model/keyphrase/features.js';
import { createSmallLabelStore, contextOf, type sourcesOf } from './small-label-store.js';

const labelStore = createSmallLabelStore();

/** The features of each candidate, by its phrase and their names. */
function features(said: Parameters<typeof sourcesOf>[0]) {
  const context = contextOf(labelStore, said);
  const candidates = chooseCandidates(context, labelStore, 3);
  const rows = featuresOf(candidates, context, labelStore);
  expect(rows).toHaveLength(candidates.length * featureNames.length);
  return new Map(
    candidates.map(({ phrase }, row) => [
      phrase,
      Object.fromEntries(featureNames.map((name, at) => [name, rows[row * featureNames.length + at]])),
    ]),
  );
}

describe('the features', () => {
  it('say by "nothing" of each part that it did not propose a phrase', () => {
    const said = { post: {}, generated: [{ phrase: 'red panda', logProbability: -1.5 }] };
    expect(features(said).get('red panda')).toMatchObject({
      classified: -20,
      classified_rank: 200,
      likeness: 0,
      likeness_rank: 99,
      neighbour_count: 0,
      neighbour_rank: 99,
      text_lift: 0,
      together: 0,
      prior: 0,
      words: 2,
      letters: 9,
      in_text: 0,
      text_place: -1,
      beam: -1.5,
      beam_rank: 0,
      best_beam: -1.5,
      votes_rank: 99,
    });
  });

  it('tell apart where and how a phrase stands in the post', () => {
    const post = { text: 'in this stormhour , two dogs', entities: ['sofa'], imageText: 'dog' };
    const found = features({ post });
    expect(found.get('storm hour')).toMatchObject({
      in_text: 2,
      text_place: Math.fround(2 / 6),
      text_overlap: 0,
    });
    expect(found.get('dog')).toMatchObject({ in_text: 1, text_overlap: 1, in_ocr: 2, in_entities: 0 });
    expect(found.get('sofa')).toMatchObject({ in_text: 0, in_entities: 2, entity_overlap: 1 });
    expect(found.get('sofa')).toMatchObject({ text_words: 5, ocr_words: 1 });
  });

  it('give the first label of every ranking a gap of exactly nothing, since trees part there', () => {
    const vector = Float32Array.from([0.125, 0.25, 0, 0.75, 0.25, 0.5]);
    const said = {
      post: { text: 'a cat' },
      vector,
      classified: [3, 0].map((index) => ({ index, score: Math.fround(-Math.log(6)) })),
      // Another kernel sums in another order: its cosine may differ in its last digit.
      alike: [3, 0].map((index) => ({ index, score: vector[index]! + 6e-8 })),
      neighbours: [{ similarity: 0.4, labels: [3] }],
    };
    const found = features(said);
    expect(found.get('dog')).toMatchObject({ classified_gap: 0, likeness_gap: 0, votes_gap: 0 });
    expect(found.get('caturday')).toMatchObject({ likeness_gap: -0.625, shares_gap: 0 });
  });

  it('know how often a label goes with the classifier’s first', () => {
    const classified = [0, 1, 2].map((index) => ({ index, score: -1 }));
    const found = features({ post: {}, classified });
    // Label 0 stood in two posts, in one of them with label 1.
    expect(found.get('cats of twitter')).toMatchObject({
      together: Math.fround(1 / 5),
      prior: Math.fround(Math.log(2)),
    });
    expect(found.get('storm hour')).toMatchObject({ together: 0 });
  });
});
