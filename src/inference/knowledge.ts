import { readFileSync } from 'node:fs';
import type { ModelPart } from '../domain/keyphrase.js';
import { createAssociations, type AssociationCounts, type Associations } from './associations.js';
import type { ModelBundle } from './model-bundle.js';
import type { LabelledVectors } from './neighbour-index.js';
import { createPhrasebook, type Phrasebook } from './phrasebook.js';
import { dequantise } from './quantised-vectors.js';

/** What the model has learned of its labels. A label is its place in the list of labels. */
export interface Knowledge {
  readonly labels: readonly string[];
  /** The encoder's vectors of the labels' words, of length 1, `[labels, hidden]`. */
  readonly labelVectors: Float32Array;
  /** What went together in the labelled posts. */
  readonly memory: Associations;
  /** The same in hashtag posts of earlier years, of which only the text is known. */
  readonly past: Associations;
  readonly phrasebook: Phrasebook;
}

/**
 * Reads what the model has learned from the bundle.
 *
 * @param without parts whose knowledge is left empty
 * @throws RangeError when a file of vectors does not fit the list of their labels or posts
 */
export function readKnowledge(bundle: ModelBundle, without: readonly ModelPart[]): Knowledge {
  const { text, memory, associations, ranker } = bundle.manifest;
  const labels = bundle.lines(text.labels);
  const counts = readJson(bundle, associations.file) as Record<'memory' | 'past', AssociationCounts>;
  const associationsOf = (counted: AssociationCounts, shrink: number): Associations => {
    const kept = without.includes('associations') ? { ...counted, together: {}, fields: {} } : counted;
    return createAssociations(kept, shrink);
  };
  const phrasebook = createPhrasebook(labels);
  return {
    labels,
    labelVectors: dequantise(readFileSync(bundle.path(memory.labelVectors)), labels.length),
    memory: associationsOf(counts.memory, ranker.shrink),
    past: associationsOf(counts.past, ranker.pastShrink),
    phrasebook: without.includes('presence')
      ? { ...phrasebook, find: () => new Map(), locate: () => undefined }
      : phrasebook,
  };
}

/**
 * Reads the labelled posts that the model starts with; more can be remembered as it runs.
 *
 * @throws RangeError when the vectors are not as many as the posts, or not as wide as the labels'
 */
export function readMemory(bundle: ModelBundle, { labels, labelVectors }: Knowledge): LabelledVectors {
  const { vectors: file, posts: postsFile } = bundle.manifest.memory;
  const posts = readJson(bundle, postsFile) as readonly (readonly number[])[];
  const width = labelVectors.length / labels.length;
  const vectors = dequantise(readFileSync(bundle.path(file)), posts.length);
  if (vectors.length !== posts.length * width)
    throw new RangeError(`${file} has no vectors of width ${width}`);
  return { width, vectors, labels: posts };
}

function readJson(bundle: ModelBundle, name: string): unknown {
  return JSON.parse(readFileSync(bundle.path(name), 'utf8'));
}
