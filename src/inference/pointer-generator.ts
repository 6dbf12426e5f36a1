import type { ModelBundle } from './model-bundle.js';
import { createPieceVocabulary, end, searchPhrases, type Prefix, type Step } from './phrase-decoder.js';
import type { Session } from './session.js';
import { float32, int64, int64Rows, longest, rowOf } from './tensors.js';
import type { TokenizedInput, Tokenizer } from './tokenizer.js';
import type { Score } from './top-scores.js';

/** A phrase that the pointer generator wrote. */
export interface GeneratedPhrase {
  readonly phrase: string;
  /** Natural logarithm of its probability. */
  readonly logProbability: number;
}

/** The posts of a batch as the decoder reads them. */
export interface EncodedPosts {
  readonly posts: readonly TokenizedInput[];
  /** The encoder's view of the posts' tokens, `[posts, tokens, width]` each. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/**
 * Writes the likeliest phrases of each post of a batch, best first.
 *
 * @param predictions the classifier's first labels of each post with their log-probabilities
 */
export type PointerGenerator = (
  encoded: EncodedPosts,
  predictions: readonly (readonly Score[])[],
) => Promise<readonly (readonly GeneratedPhrase[])[]>;

/**
 * The decoder of the bundle behind a beam search. It reads the whole prefix at each step: prefixes are so short that
 * remembering their keys would cost more than it saves.
 *
 * @param labels the classifier's, in the order of its scores
 */
export function createPointerGenerator(
  bundle: ModelBundle,
  model: Session,
  tokenizer: Tokenizer,
  labels: readonly string[],
): PointerGenerator {
  const { pieces, width, beams, longest: longestPhrase } = bundle.manifest.decoder;
  const vocabulary = createPieceVocabulary(bundle.lines(pieces).map(tokenizer.idOf));
  const labelPieces = labels.map(tokenizer.piecesOf);

  return async ({ posts, keys, values }, predictions) => {
    const tokens = longest(posts);
    const options = predictions.map((first) =>
      first.flatMap(({ index, score }) =>
        (labelPieces[index] ?? []).map((token, place) => ({
          token,
          place: Math.min(place, longestPhrase),
          score,
        })),
      ),
    );
    // A tensor has at least one column; `end` in it says that nothing is there to be copied.
    const columns = Math.max(1, ...options.map((row) => row.length));
    const logProbabilities = new Float32Array(posts.length * columns);
    options.forEach((row, post) =>
      logProbabilities.set(
        row.map(({ score }) => score),
        post * columns,
      ),
    );
    const fixed = {
      keys: float32(keys, [posts.length, tokens, width]),
      values: float32(values, [posts.length, tokens, width]),
      source_mask: int64Rows(
        posts.map(({ ids }) => ids.map((id) => (tokenizer.isSpecial(id) ? 0 : 1))),
        tokens,
      ),
      predicted: int64Rows(
        options.map((row) => row.map(({ token }) => vocabulary.idOf(token))),
        columns,
        end,
      ),
      predicted_places: int64Rows(
        options.map((row) => row.map(({ place }) => place)),
        columns,
      ),
      predicted_logp: float32(logProbabilities, [posts.length, columns]),
    };

    const step: Step = async (prefixes: readonly Prefix[]) => {
      const length = prefixes[0]?.ids.length ?? 0;
      const {
        vocabulary: written,
        copied,
        chosen,
      } = await model.run(
        {
          ...fixed,
          prefix: int64Rows(
            prefixes.map(({ ids }) => ids),
            length,
          ),
          post: int64(prefixes.map(({ post }) => post)),
        },
        { vocabulary: 'float32', copied: 'float32', chosen: 'float32' },
      );
      return prefixes.map((_, row) => ({
        vocabulary: rowOf(written, row, vocabulary.size),
        copied: rowOf(copied, row, tokens),
        chosen: rowOf(chosen, row, columns),
      }));
    };
    const sources = posts.map(({ ids }, post) => ({
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
  };
}
