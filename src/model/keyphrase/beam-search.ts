import { topK } from '../../onnx/top-k.js';

/**
 * Beam search for the phrases that a pointer generator writes, piece by piece. A piece's probability is the sum of
 * three: that the decoder writes it by itself, that it copies it from the post, and that it copies it from the
 * classifier's first labels (arXiv 2309.04734, section 3.4; Wang et al., EMNLP 2020, section 3.3).
 */

/** The decoder's own numbers for what is no piece; its pieces follow. */
export const begin = 0;
export const end = 1;
const unknown = 2;
const firstWordpiece = 3;

/** Added to a probability before its logarithm is taken, as in training. */
const tiny = 1e-9;

/** The word pieces that the decoder can write by itself, in the tokenizer's numbering and in its own. */
export interface WordpieceVocabulary {
  /** The token of each piece; the first has the decoder's number `firstWordpiece`. */
  readonly tokens: readonly number[];
  readonly size: number;
  /** The decoder's number for a token; `unknown` for one that it can only copy. */
  idOf(token: number): number;
}

export function createWordpieceVocabulary(tokens: readonly number[]): WordpieceVocabulary {
  const ids = new Map(tokens.map((token, index) => [token, firstWordpiece + index]));
  return {
    tokens,
    size: firstWordpiece + tokens.length,
    idOf: (token) => ids.get(token) ?? unknown,
  };
}

/** What the phrases of a post can be copied from. */
export interface Source {
  /** The post's tokens by their places; `undefined` for those that stand for no word. */
  readonly tokens: readonly (number | undefined)[];
  /** The tokens of the classifier's first labels, one label after the other. */
  readonly predicted: readonly number[];
}

/** A row of a decoder step: what has been written, in the decoder's numbering and `begin` first, and for which post. */
export interface Prefix {
  readonly post: number;
  readonly ids: readonly number[];
}

/** The probabilities of the piece after a prefix; over all three they sum to one. */
export interface NextWordpiece {
  /** By the decoder's numbers. */
  readonly vocabulary: Float32Array;
  /** By the places of the source's tokens. */
  readonly copied: Float32Array;
  /** By the places of the predicted tokens. */
  readonly chosen: Float32Array;
}

/** Runs the decoder once for all prefixes, which are of one length: one answer a prefix. */
export type Step = (prefixes: readonly Prefix[]) => Promise<readonly NextWordpiece[]>;

/** A phrase, finished or not, as tokens. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Natural logarithm of its probability. */
  readonly logProbability: number;
}

/** The tokens of a source, each once, from the smallest: what is copied from different places adds up. */
interface CopyPool {
  readonly tokens: readonly number[];
  /** Their numbers in the decoder's vocabulary. */
  readonly ids: readonly number[];
  /** For each place of the post, and for each predicted token, where among them it is. */
  readonly places: readonly (number | undefined)[];
  readonly options: readonly (number | undefined)[];
}

function poolOf({ tokens, predicted }: Source, vocabulary: WordpieceVocabulary): CopyPool {
  const all = new Set([...tokens.filter((token) => token !== undefined), ...predicted]);
  const sorted = [...all].sort((a, b) => a - b);
  const at = new Map(sorted.map((token, index) => [token, index]));
  return {
    tokens: sorted,
    ids: sorted.map(vocabulary.idOf),
    places: tokens.map((token) => (token === undefined ? undefined : at.get(token))),
    options: predicted.map((token) => at.get(token)),
  };
}

export interface SearchOptions {
  readonly vocabulary: WordpieceVocabulary;
  /** Phrases that are found for a source. */
  readonly beams: number;
  /** Tokens of a phrase at most. */
  readonly longest: number;
}

/**
 * The likeliest phrases of each source, best first. The sources are searched together, one step for all of them at a
 * time. A finished phrase keeps its place among the beams; of equally likely tokens the smaller comes first.
 */
export async function searchPhrases(
  sources: readonly Source[],
  step: Step,
  options: SearchOptions,
): Promise<readonly (readonly Hypothesis[])[]> {
  const { vocabulary, beams } = options;
  const searches = sources.map((source, post) => {
    const open: readonly Hypothesis[] = [{ tokens: [], logProbability: 0 }];
    return { post, pool: poolOf(source, vocabulary), open, finished: [] as Hypothesis[] };
  });
  for (;;) {
    const prefixes = searches.flatMap(({ post, open }) =>
      open.map(({ tokens }) => ({ post, ids: [begin, ...tokens.map(vocabulary.idOf)] })),
    );
    if (prefixes.length === 0) break;
    const answers = [...(await step(prefixes))];
    for (const search of searches) {
      const grown = search.open.flatMap((hypothesis) => {
        const next = answers.shift();
        if (next === undefined) throw new RangeError('the step gave fewer answers than it had prefixes');
        return extend(hypothesis, next, search.pool, options);
      });
      const kept = grown.sort(likelierFirst).slice(0, beams - search.finished.length);
      search.finished.push(...kept.filter(({ ended }) => ended));
      search.open = kept.filter(({ ended }) => !ended);
    }
  }
  return searches.map(({ finished }) => finished.sort(likelierFirst));
}

/** Every way a phrase can go on: it ends, or one of its likeliest next tokens follows. */
function extend(
  { tokens, logProbability }: Hypothesis,
  next: NextWordpiece,
  pool: CopyPool,
  options: SearchOptions,
): (Hypothesis & { readonly ended: boolean })[] {
  const after = (probability: number) => logProbability + Math.log(probability + tiny);
  const ending =
    tokens.length === 0 ? [] : [{ tokens, logProbability: after(next.vocabulary[end] ?? 0), ended: true }];
  if (tokens.length === options.longest) return ending;
  const longer = likeliestTokens(next, pool, options).map(([token, probability]) => ({
    tokens: [...tokens, token],
    logProbability: after(probability),
    ended: false,
  }));
  return [...ending, ...longer];
}

/** The tokens most likely to follow with their probabilities: as many as there are beams, since no more can be kept. */
function likeliestTokens(
  { vocabulary: written, copied, chosen }: NextWordpiece,
  { tokens, ids, places, options }: CopyPool,
  { vocabulary, beams }: SearchOptions,
): (readonly [token: number, probability: number])[] {
  const probabilities = Float64Array.from(ids, (id) => (id === unknown ? 0 : (written[id] ?? 0)));
  const add = (at: number | undefined, probability: number | undefined) => {
    if (at !== undefined) probabilities[at] = (probabilities[at] ?? 0) + (probability ?? 0);
  };
  places.forEach((at, place) => add(at, copied[place]));
  options.forEach((at, place) => add(at, chosen[place]));
  const copyable = topK(probabilities, beams).map(({ index, score }) => [tokens[index] ?? 0, score] as const);
  const others = topK(written.subarray(firstWordpiece), beams)
    .map(({ index, score }) => [vocabulary.tokens[index] ?? 0, score] as const)
    .filter(([token]) => !tokens.includes(token));
  return [...copyable, ...others].sort(([a, p], [b, q]) => q - p || a - b).slice(0, beams);
}

function likelierFirst(one: Hypothesis, other: Hypothesis): number {
  return other.logProbability - one.logProbability;
}
