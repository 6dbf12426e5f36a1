import { createCoOccurrence } from '../../../src/model/keyphrase/co-occurrence.js';
import {
  buildCandidateContext,
  type CandidateContext,
} from '../../../src/model/keyphrase/candidate-context.js';
import type { LabelStore } from '../../../src/model/keyphrase/label-store.js';
import { createGazetteer } from '../../../src/model/keyphrase/gazetteer.js';
import type { CandidateSources } from '../../../src/model/keyphrase/candidate-generation.js';
import type { ModelInput } from '../../../src/model/input.js';

/** Six labels, of which the posts that are remembered had the first three. */
export const labels = ['caturday', 'cats of twitter', 'storm hour', 'dog', 'sofa', 'thunder'];

const remembered: readonly (readonly [text: string, labels: readonly number[]])[] = [
  ['my cat on a sofa', [0, 1]],
  ['a cat again', [0]],
  ['thunder over the city', [2]],
];

/** What is known of them. Their vectors are the axes of a space of six dimensions. */
export function createSmallLabelStore(): LabelStore {
  const nothing = { posts: 0, labels: {}, together: {}, fields: { text: {}, pairs: {}, entities: {} } };
  const memory = createCoOccurrence(nothing, 3);
  for (const [text, known] of remembered) memory.add(postOf({ text }), known);
  return {
    labels,
    labelVectors: Float32Array.from(labels.flatMap((_, row) => labels.map((__, at) => (row === at ? 1 : 0)))),
    coOccurrence: memory,
    pastCoOccurrence: createCoOccurrence(nothing, 10),
    gazetteer: createGazetteer(labels),
  };
}

export function postOf(words: Partial<ModelInput>): ModelInput {
  return { text: '', entities: [], attributes: [], imageText: '', ...words };
}

/** A post of which no part of the model has anything to say but what is given. */
export function sourcesOf({
  post,
  ...said
}: Partial<Omit<CandidateSources, 'post'>> & { post: Partial<ModelInput> }): CandidateSources {
  return {
    post: postOf(post),
    vector: new Float32Array(labels.length),
    logProbabilities: new Float32Array(labels.length).fill(-Math.log(labels.length)),
    classified: [],
    alike: [],
    neighbours: [],
    generated: [],
    generatorRan: true,
    ...said,
  };
}

export function contextOf(
  labelStore: LabelStore,
  said: Parameters<typeof sourcesOf>[0],
  settings = { sharpness: 12, voted: 2, shared: 2 },
): CandidateContext {
  return buildCandidateContext(labelStore, settings, sourcesOf(said));
}
