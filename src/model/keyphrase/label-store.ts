import { readFileSync } from 'node:fs';
import type { ModelPart } from '../../domain/keyphrase.js';
import { createCoOccurrence, type CoOccurrenceCounts, type CoOccurrence } from './co-occurrence.js';
import type { ModelBundle } from '../bundle.js';
import type { LabelledVectors } from './knn-index.js';
import { createGazetteer, type Gazetteer } from './gazetteer.js';
import { dequantise } from '../../onnx/quantised-vectors.js';

/** What the model has learned of its labels. A label is its place in the list of labels. */
export interface LabelStore {
  readonly labels: readonly string[];
  /** The encoder's vectors of the labels' words, of length 1, `[labels, hidden]`. */
  readonly labelVectors: Float32Array;
  /** What went together in the labelled posts. */
  readonly coOccurrence: CoOccurrence;
  /** The same in hashtag posts of earlier years, of which only the text is known. */
  readonly pastCoOccurrence: CoOccurrence;
  readonly gazetteer: Gazetteer;
}

/**
 * Reads what the model has learned from the bundle.
 *
 * @param without parts whose share of it is left empty
 * @throws RangeError when a file of vectors does not fit the list of their labels or posts
 */
export function readLabelStore(bundle: ModelBundle, without: readonly ModelPart[]): LabelStore {
  const { text, knn, coOccurrence, ranker } = bundle.manifest;
  const labels = bundle.lines(text.labels);
  const counts = readJson(bundle, coOccurrence.file) as Record<'memory' | 'past', CoOccurrenceCounts>;
  const coOccurrenceOf = (counted: CoOccurrenceCounts, shrink: number): CoOccurrence => {
    const kept = without.includes('associations') ? { ...counted, together: {}, fields: {} } : counted;
    return createCoOccurrence(kept, shrink);
  };
  const gazetteer = createGazetteer(labels);
  return {
    labels,
    labelVectors: dequantise(readFileSync(bundle.path(knn.labelVectors)), labels.length),
    coOccurrence: coOccurrenceOf(counts.memory, ranker.shrink),
    pastCoOccurrence: coOccurrenceOf(counts.past, ranker.pastShrink),
    gazetteer: without.includes('presence')
      ? { ...gazetteer, find: () => new Map(), locate: () => undefined }
      : gazetteer,
  };
}

/**
 * Reads the labelled posts that the model starts with; more can be remembered as it runs.
 *
 * @throws RangeError when the vectors are not as many as the posts, or not as wide as the labels'
 */
export function readKnnVectors(bundle: ModelBundle, { labels, labelVectors }: LabelStore): LabelledVectors {
  const { vectors: file, posts: postsFile } = bundle.manifest.knn;
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
