import { readFileSync } from 'node:fs';
import type { ModelPart } from '../domain/keyphrase.js';
import { inLengthGroups } from './length-groups.js';
import type { ModelBundle } from './model-bundle.js';
import type { ModelInput, PhotoUse } from './protocol.js';
import { dequantise } from './quantised-vectors.js';
import type { Session } from './session.js';
import { concatenate, float32, int64Rows, longest, rowOf, textTensors } from './tensors.js';
import { createTokenizer, type TokenizedInput } from './tokenizer.js';
import { createVectorSearch } from './vector-search.js';

/** Posts that go through the models together. */
const groupSize = 4;

/** A word for what a photo shows, as a keyphrase. */
export interface ShownWord {
  readonly word: string;
  /** The probability that it is a keyphrase of the post because the photo shows it. */
  readonly score: number;
}

/** What a photo says beside its post's text. */
export interface Fused {
  readonly photo: PhotoUse;
  /** What it shows of what belongs to the text, likeliest first; nothing where the photo is not used. */
  readonly shown: readonly ShownWord[];
}

/** Reads the posts of a batch together with their photos; a post without regions gives `undefined`. */
export type Fusion = (posts: readonly ModelInput[]) => Promise<readonly (Fused | undefined)[]>;

interface PostWithPhoto extends TokenizedInput {
  readonly regions: Float32Array;
  /** The matching score, where an upstream service gave it. */
  readonly given: number | undefined;
}

/**
 * The half of the model that sees (arXiv 2309.04734, section 3): a matching score that turns photos away which don't
 * belong to the text, a weight for each region, and attention from the text over the regions. It ends in a vector where
 * the encoder's vectors of words are, so that the words nearest to it name what the photo shows. `models/training`
 * trains it. The text is read without any words for the photo, which would match it in any case.
 *
 * @param without parts that are left out: without `image-filter` no photo is turned away, without `region-filter` all
 * regions weigh the same, without `fusion` the photo puts no words forward
 * @throws RangeError when the file of the words' vectors does not fit their list
 */
export function createFusion(
  bundle: ModelBundle,
  models: Readonly<Record<'text' | 'fusion' | 'search', Session>>,
  without: readonly ModelPart[],
): Fusion {
  const { features } = bundle.manifest.image;
  const { words: file, vectors, minMatch, shown: count, calibration } = bundle.manifest.fusion;
  const tokenizer = createTokenizer(bundle);
  const search = createVectorSearch(models.search);
  const words = bundle.lines(file);
  const wordVectors = dequantise(readFileSync(bundle.path(vectors)), words.length);
  const has = (part: ModelPart) => !without.includes(part);
  /** That the photo belongs to the text, that it shows the word, and that people would tag what it shows. */
  const probabilityOf = (matching: number, cosine: number) =>
    (matching * calibration.worth) / (1 + Math.exp(-(calibration.a * cosine + calibration.b)));

  async function fuseTogether(posts: readonly PostWithPhoto[]): Promise<readonly Fused[]> {
    const { keys, values } = await models.text.run(textTensors(posts), {
      keys: 'float32',
      values: 'float32',
    });
    const tokens = longest(posts);
    const states = [posts.length, tokens, keys.length / (posts.length * tokens)];
    const regions = concatenate(posts.map((post) => post.regions));
    const regionCount = regions.length / (posts.length * features);
    const { match, weights, vector } = await models.fusion.run(
      {
        keys: float32(keys, states),
        values: float32(values, states),
        mask: int64Rows(
          posts.map(({ ids }) => ids.map(() => 1)),
          tokens,
        ),
        regions: float32(regions, [posts.length, regionCount, features]),
        region_filter: float32(Float32Array.of(has('region-filter') ? 1 : 0), []),
      },
      { match: 'float32', weights: 'float32', vector: 'float32' },
    );
    const near = await search(vector, wordVectors, wordVectors.length / words.length, count);
    return posts.map(({ given }, row) => {
      const score = given ?? match[row] ?? 0;
      const used = score >= minMatch || !has('image-filter');
      const shown = (used && has('fusion') ? (near[row] ?? []) : []).map(({ index, score: cosine }) => ({
        word: words[index] ?? '',
        score: probabilityOf(score, cosine),
      }));
      return { photo: { used, match: score, weights: [...rowOf(weights, row, regionCount)] }, shown };
    });
  }

  return async (posts) => {
    const fused: (Fused | undefined)[] = posts.map(() => undefined);
    const seen = posts.flatMap(({ text, regions, match }, at) => {
      if (regions === undefined) return [];
      const tokenized = tokenizer.tokenize({ text, entities: [], attributes: [], imageText: '' });
      return [{ at, regions, given: match, ...tokenized }];
    });
    const found = await inLengthGroups(seen, ({ ids }) => ids.length, groupSize, fuseTogether);
    seen.forEach(({ at }, number) => (fused[at] = found[number]));
    return fused;
  };
}
