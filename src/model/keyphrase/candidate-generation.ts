import type { ModelPart } from '../../domain/keyphrase.js';
import type { LabelStore } from './label-store.js';
import { bucketSize, inLengthBuckets } from '../length-buckets.js';
import type { ModelBundle } from '../bundle.js';
import { createKnnIndex, type LabelledVectors, type Neighbour } from './knn-index.js';
import { createPointerGenerator, type GeneratedPhrase } from './pointer-generator.js';
import type { ModelInput } from '../input.js';
import type { Session } from '../../onnx/session.js';
import { rowOf } from '../../onnx/tensors.js';
import { textTensors } from './text-tensors.js';
import { createTokenizer, type TokenizedInput } from './tokenizer.js';
import { topK, type Score } from '../../onnx/top-k.js';
import { createVectorSearch } from '../../onnx/vector-search.js';

/** How many of the classifier's labels have a rank of their own. */
const rankedLabels = 200;

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
  /** The pointer generator's, best first. */
  readonly generated: readonly GeneratedPhrase[];
}

interface TokenizedPost extends TokenizedInput {
  readonly post: ModelInput;
}

/** Asks the encoder, the classifier, the neighbours and the pointer generator about the posts of a batch. */
export type CandidateGenerator = (posts: readonly ModelInput[]) => Promise<readonly CandidateSources[]>;

/**
 * @param labels in the order of the classifier's scores
 * @param labelVectors the encoder's vectors of their words
 * @param memory the labelled posts that are remembered
 * @param without parts that have nothing to say
 */
export function createCandidateGenerator(
  bundle: ModelBundle,
  models: Readonly<Record<'text' | 'search' | 'decoder', Session>>,
  { labels, labelVectors }: Pick<LabelStore, 'labels' | 'labelVectors'>,
  memory: LabelledVectors,
  without: readonly ModelPart[],
): CandidateGenerator {
  const { neighbours: count } = bundle.manifest.memory;
  const { predictions } = bundle.manifest.decoder;
  const tokenizer = createTokenizer(bundle);
  const search = createVectorSearch(models.search);
  const index = createKnnIndex(search, memory);
  const generate = createPointerGenerator(bundle, models.decoder, tokenizer, labels);
  const has = (part: ModelPart) => !without.includes(part);

  async function proposeTogether(posts: readonly TokenizedPost[]): Promise<readonly CandidateSources[]> {
    const { vectors, log_probabilities, keys, values } = await models.text.run(textTensors(posts), {
      vectors: 'float32',
      log_probabilities: 'float32',
      keys: 'float32',
      values: 'float32',
    });
    // A classifier that knows nothing finds all labels equally likely.
    if (!has('classifier')) log_probabilities.fill(-Math.log(labels.length));
    const logProbabilities = posts.map((_, row) => rowOf(log_probabilities, row, labels.length));
    const nothing = posts.map(() => []);
    const classified = has('classifier') ? logProbabilities.map((row) => topK(row, rankedLabels)) : nothing;
    const alike = has('classifier')
      ? await search(vectors, labelVectors, memory.width, bundle.manifest.ranker.alike)
      : nothing;
    const neighbours = has('neighbours') ? await index.search(vectors, count) : nothing;
    const first = classified.map((ranked) => ranked.slice(0, predictions));
    const generated = has('decoder') ? await generate({ posts, keys, values }, first) : nothing;
    return posts.map(({ post }, row) => ({
      post,
      vector: rowOf(vectors, row, memory.width),
      logProbabilities: logProbabilities[row] ?? new Float32Array(),
      classified: classified[row] ?? [],
      alike: alike[row] ?? [],
      neighbours: neighbours[row] ?? [],
      generated: generated[row] ?? [],
    }));
  }

  return (posts) => {
    const tokenized = posts.map((post) => ({ post, ...tokenizer.tokenize(post) }));
    return inLengthBuckets(tokenized, ({ ids }) => ids.length, bucketSize, proposeTogether);
  };
}
