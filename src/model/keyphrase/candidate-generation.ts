import type { ModelPart } from '../../domain/keyphrase.js';
import { concatenate } from '../../onnx/tensors.js';
import { topK, type Score } from '../../onnx/top-k.js';
import type { VectorSearch } from '../../onnx/vector-search.js';
import type { Manifest } from '../bundle.js';
import type { ModelInput } from '../input.js';
import type { Encoding } from './encoder.js';
import type { KnnIndex, Neighbour } from './knn-index.js';
import type { LabelStore } from './label-store.js';
import type { GeneratedPhrase, PointerGenerator } from './pointer-generator.js';

/** How many of the classifier's labels have a rank of their own. */
export const rankedLabels = 200;

/** What the model's parts say of one post, before anything is ranked. */
export interface CandidateSources {
  readonly post: ModelInput;
  /** The encoder's, of length 1. */
  readonly vector: Float32Array;
  /** The classifier's, natural logarithms, by label. */
  readonly logProbabilities: Float32Array;
  /** The first labels by them, best first. */
  readonly classified: readonly Score[];
  /** The labels whose words are most similar to the post, by cosine, best first. */
  readonly alike: readonly Score[];
  /** The most similar labelled posts, most similar first. */
  readonly neighbours: readonly Neighbour[];
  /** The pointer generator's, best first; where it did not run, the classifier's first labels in their place. */
  readonly generated: readonly GeneratedPhrase[];
  readonly generatorRan: boolean;
}

/** Asks the classifier, the neighbours and the pointer generator about the posts of a batch. */
export type CandidateGenerator = (
  posts: readonly ModelInput[],
  encodings: readonly Encoding[],
) => Promise<readonly CandidateSources[]>;

/** What is asked. */
export interface CandidateParts {
  readonly labelStore: Pick<LabelStore, 'labels' | 'labelVectors'>;
  readonly search: VectorSearch;
  readonly index: KnnIndex;
  readonly generate: PointerGenerator;
}

/**
 * @param without parts that have nothing to say
 */
export function createCandidateGenerator(
  { knn, decoder, ranker }: Manifest,
  { labelStore: { labels, labelVectors }, search, index, generate }: CandidateParts,
  without: readonly ModelPart[],
): CandidateGenerator {
  const width = labelVectors.length / labels.length;
  const has = (part: ModelPart) => !without.includes(part);
  // A classifier that knows nothing finds all labels equally likely.
  const equallyLikely = new Float32Array(labels.length).fill(-Math.log(labels.length));

  const asGenerated = ({ index, score }: Score): GeneratedPhrase => ({
    phrase: labels[index] ?? '',
    logProbability: score,
  });

  /**
   * The phrases that the generator writes for those posts whose best label is not likely. It costs a third of a post; of
   * the others the ranker is told what the generator would most probably say.
   */
  async function generateWhereUnsure(
    encodings: readonly Encoding[],
    classified: readonly (readonly Score[])[],
  ): Promise<readonly Pick<CandidateSources, 'generated' | 'generatorRan'>[]> {
    if (!has('decoder')) return encodings.map(() => ({ generated: [], generatorRan: false }));
    const unsure = classified.flatMap(([best], post) =>
      best !== undefined && best.score >= Math.log(decoder.unsureBelow) ? [] : [post],
    );
    const phrases = await generate(
      unsure.flatMap((post) => encodings[post] ?? []),
      unsure.map((post) => (classified[post] ?? []).slice(0, decoder.predictions)),
    );
    const written = new Map(unsure.map((post, at) => [post, phrases[at] ?? []]));
    return classified.map((first, post) => ({
      generated: written.get(post) ?? first.slice(0, decoder.beams).map(asGenerated),
      generatorRan: written.has(post),
    }));
  }

  return async (posts, encodings) => {
    if (posts.length === 0) return [];
    const vectors = concatenate(encodings.map(({ vector }) => vector));
    const nothing = posts.map(() => []);
    const logProbabilities = encodings.map((encoding) =>
      has('classifier') ? encoding.logProbabilities : equallyLikely,
    );
    const classified = has('classifier') ? logProbabilities.map((row) => topK(row, rankedLabels)) : nothing;
    const alike = has('classifier') ? await search(vectors, labelVectors, width, ranker.alike) : nothing;
    const neighbours = has('neighbours') ? await index.search(vectors, knn.neighbours) : nothing;
    const generated = await generateWhereUnsure(encodings, classified);
    return posts.map((post, row) => ({
      post,
      vector: encodings[row]?.vector ?? new Float32Array(),
      logProbabilities: logProbabilities[row] ?? equallyLikely,
      classified: classified[row] ?? [],
      alike: alike[row] ?? [],
      neighbours: neighbours[row] ?? [],
      ...(generated[row] ?? { generated: [], generatorRan: false }),
    }));
  };
}
