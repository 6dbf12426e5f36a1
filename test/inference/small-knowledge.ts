import { createAssociations } from '../../src/inference/associations.js';
import { gatherEvidence, type Evidence } from '../../src/inference/evidence.js';
import type { Knowledge } from '../../src/inference/knowledge.js';
import { createPhrasebook } from '../../src/inference/phrasebook.js';
import type { Proposal } from '../../src/inference/proposer.js';
import type { ModelInput } from '../../src/inference/protocol.js';

/** Six labels, of which the posts that are remembered had the first three. */
export const labels = ['caturday', 'cats of twitter', 'storm hour', 'dog', 'sofa', 'thunder'];

const remembered: readonly (readonly [text: string, labels: readonly number[]])[] = [
  ['my cat on a sofa', [0, 1]],
  ['a cat again', [0]],
  ['thunder over the city', [2]],
];

/** What is known of them. Their vectors are the axes of a space of six dimensions. */
export function createKnowledge(): Knowledge {
  const nothing = { posts: 0, labels: {}, together: {}, fields: { text: {}, pairs: {}, entities: {} } };
  const memory = createAssociations(nothing, 3);
  for (const [text, known] of remembered) memory.add(postOf({ text }), known);
  return {
    labels,
    labelVectors: Float32Array.from(labels.flatMap((_, row) => labels.map((__, at) => (row === at ? 1 : 0)))),
    memory,
    past: createAssociations(nothing, 10),
    phrasebook: createPhrasebook(labels),
  };
}

export function postOf(words: Partial<ModelInput>): ModelInput {
  return { text: '', entities: [], attributes: [], imageText: '', ...words };
}

/** A post of which no part of the model has anything to say but what is given. */
export function proposalOf({
  post,
  ...said
}: Partial<Omit<Proposal, 'post'>> & { post: Partial<ModelInput> }): Proposal {
  return {
    post: postOf(post),
    vector: new Float32Array(labels.length),
    logProbabilities: new Float32Array(labels.length).fill(-Math.log(labels.length)),
    classified: [],
    alike: [],
    neighbours: [],
    generated: [],
    ...said,
  };
}

export function evidenceOf(
  knowledge: Knowledge,
  said: Parameters<typeof proposalOf>[0],
  settings = { sharpness: 12, voted: 2, shared: 2 },
): Evidence {
  return gatherEvidence(knowledge, settings, proposalOf(said));
}
