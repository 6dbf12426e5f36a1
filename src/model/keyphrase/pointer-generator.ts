import type { ModelBundle } from '../bundle.js';
import { inLengthBuckets } from '../length-buckets.js';
import { tokenStates, type Encoding } from './encoder.js';
import { createWordpieceVocabulary, end, searchPhrases, type Step } from './beam-search.js';
import type { Session } from '../../onnx/session.js';
import { float32, int64, int64Rows, rowOf } from '../../onnx/tensors.js';
import type { Tokenizer } from './tokenizer.js';
import type { Score } from '../../onnx/top-k.js';

/** A phrase that the pointer generator wrote. */
export interface GeneratedPhrase {
  readonly phrase: string;
  /** Natural logarithm of its probability. */
  readonly logProbability: number;
}

/**
 * Writes the likeliest phrases of each post of a batch, best first.
 *
 * @param predictions the classifier's first labels of each post with their log-probabilities
 */
export type PointerGenerator = (
  encodings: readonly Encoding[],
  predictions: readonly (readonly Score[])[],
) => Promise<readonly (readonly GeneratedPhrase[])[]>;

/** A word piece of one of the classifier's first labels. */
interface Option {
  readonly token: number;
  /** Its place in the label. */
  readonly place: number;
  readonly logProbability: number;
}

/**
 * The decoder of the bundle behind a beam search. It reads the whole prefix at each step: prefixes are so short that
 * remembering their keys would cost more than it saves.
 *
 * @param labels in the order of the classifier's scores
 * @param bucketSize posts that are searched together at most
 */
export function createPointerGenerator(
  bundle: ModelBundle,
  model: Session,
  tokenizer: Tokenizer,
  labels: readonly string[],
  bucketSize: number,
): PointerGenerator {
  const { wordpieces, beams, longest: longestPhrase } = bundle.manifest.decoder;
  const vocabulary = createWordpieceVocabulary(bundle.lines(wordpieces).map(tokenizer.idOf));
  const labelPieces = labels.map(tokenizer.wordpiecesOf);

  function optionsOf({ index, score }: Score): Option[] {
    const tokens = labelPieces[index] ?? [];
    return tokens.map((token, at) => ({ token, place: Math.min(at, longestPhrase), logProbability: score }));
  }

  /** What the decoder reads in every step: the posts and the options, padded to one length each. */
  function tensorsOf(posts: readonly Encoding[], options: readonly (readonly Option[])[]) {
    const { keys, values, tokens } = tokenStates(posts);
    const columns = columnsOf(options);
    const readable = posts.map(({ ids }) => {
      const words = ids.map((id) => (tokenizer.isSpecial(id) ? 0 : 1));
      // With nothing to read the decoder would read the padding: of a post without words it reads the first mark.
      return words.some((word) => word === 1) ? words : words.map((_, at) => (at === 0 ? 1 : 0));
    });
    const ids = options.map((row) => row.map(({ token }) => vocabulary.idOf(token)));
    const places = options.map((row) => row.map(({ place }) => place));
    const logProbabilities = new Float32Array(posts.length * columns);
    options.forEach((row, post) => {
      row.forEach(({ logProbability }, at) => (logProbabilities[post * columns + at] = logProbability));
    });
    return {
      keys,
      values,
      source_mask: int64Rows(readable, tokens),
      predicted: int64Rows(ids, columns, end),
      predicted_places: int64Rows(places, columns),
      predicted_logp: float32(logProbabilities, [posts.length, columns]),
    };
  }

  async function generateBucket(
    posts: readonly PostToContinue[],
  ): Promise<readonly (readonly GeneratedPhrase[])[]> {
    const options = posts.map(({ first }) => first.flatMap(optionsOf));
    const tensors = tensorsOf(
      posts.map(({ encoding }) => encoding),
      options,
    );
    const [tokens, columns] = [tensors.source_mask.shape[1] ?? 0, columnsOf(options)];

    const step: Step = async (prefixes) => {
      const prefix = prefixes.map(({ ids }) => ids);
      const { vocabulary: written, ...pointed } = await model.run(
        {
          ...tensors,
          prefix: int64Rows(prefix, prefix[0]?.length ?? 0),
          post: int64(prefixes.map(({ post }) => post)),
        },
        { vocabulary: 'float32', copied: 'float32', chosen: 'float32' },
      );
      return prefixes.map((_, row) => ({
        vocabulary: rowOf(written, row, vocabulary.size),
        copied: rowOf(pointed.copied, row, tokens),
        chosen: rowOf(pointed.chosen, row, columns),
      }));
    };

    const sources = posts.map(({ encoding: { ids } }, post) => ({
      tokens: ids.map((id) => (tokenizer.isSpecial(id) ? undefined : id)),
      predicted: (options[post] ?? []).map(({ token }) => token),
    }));
    const found = await searchPhrases(sources, step, { vocabulary, beams, longest: longestPhrase });
    return found.map((phrases) =>
      phrases.map(({ tokens: written, logProbability }) => ({
        phrase: tokenizer.phraseOf(written),
        logProbability,
      })),
    );
  }

  return (encodings, predictions) =>
    inLengthBuckets(
      encodings.map((encoding, post) => ({ encoding, first: predictions[post] ?? [] })),
      ({ encoding: { ids } }) => ids.length,
      bucketSize,
      generateBucket,
    );
}

/** A post with the classifier's first labels. */
interface PostToContinue {
  readonly encoding: Encoding;
  readonly first: readonly Score[];
}

/** A tensor has at least one column; the decoder's `end` in it says that there is nothing to be copied. */
function columnsOf(options: readonly (readonly Option[])[]): number {
  return Math.max(1, ...options.map(({ length }) => length));
}
