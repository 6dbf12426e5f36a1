import { readFileSync } from 'node:fs';
import type { PhotoUse } from '../../domain/image.js';
import type { ModelPart } from '../../domain/keyphrase.js';
import { bucketSize, inLengthBuckets } from '../length-buckets.js';
import type { ModelBundle } from '../bundle.js';
import { stemText } from '../keyphrase/gazetteer.js';
import { noisyOr, logistic } from '../probability.js';
import type { FoundEntity, ModelInput, PhotoInput } from '../input.js';
import { dequantise } from '../../onnx/quantised-vectors.js';
import type { Session } from '../../onnx/session.js';
import { concatenate, float32, int64Rows, rowOf } from '../../onnx/tensors.js';
import { longest, textTensors } from '../keyphrase/text-tensors.js';
import { createTokenizer, type TokenizedInput } from '../keyphrase/tokenizer.js';
import { createVectorSearch } from '../../onnx/vector-search.js';

/** The least familiarity of a photo whose matching score is relied on. */
const leastFamiliar = 0.5;

/** A word for what a photo shows, as a keyphrase. */
export interface ImageKeyphrase {
  readonly word: string;
  /** The probability that it is a keyphrase of the post because the photo shows it. */
  readonly score: number;
}

/** What the photo that belongs to a post's text best says beside it. */
export interface Fused {
  readonly photo: PhotoUse;
  /** Names of what was found in it; none where it is not used. */
  readonly entities: readonly string[];
  /** Text that was read in it; none where it is not used. */
  readonly imageText: string;
  /** What it shows of what belongs to the text, likeliest first; nothing where the photo is not used. */
  readonly imageKeyphrases: readonly ImageKeyphrase[];
  /** The matching score, whether or not it is relied on: by it the best of several photos is chosen. */
  readonly score: number;
}

/** Reads the posts of a batch together with their photos; a post without any gives `undefined`. */
export type Fusion = (posts: readonly ModelInput[]) => Promise<readonly (Fused | undefined)[]>;

interface PostWithPhoto extends TokenizedInput, PhotoInput {
  readonly text: string;
  /** The post's place in the batch, and the photo's among the post's. */
  readonly postIndex: number;
  readonly photoIndex: number;
  /** The matching score, where an upstream service gave it. */
  readonly given: number | undefined;
}

/**
 * The half of the model that sees (arXiv 2309.04734, section 3): a matching score that turns photos away which don't
 * belong to the text, a weight for each region, and attention from the text over the regions. It ends in a vector where
 * the encoder's vectors of words are, so that the words nearest to it name what the photo shows. `models/training`
 * trains it. The score of a photo unlike those of the training is not relied on, unless the text names what was found in
 * the photo, which raises the score. The text is read without any words for the photo, which would match it in any case.
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
  const { words: file, vectors, minMatch, minScore, shown: count, calibration } = bundle.manifest.fusion;
  const tokenizer = createTokenizer(bundle);
  const search = createVectorSearch(models.search);
  const words = bundle.lines(file);
  const wordVectors = dequantise(readFileSync(bundle.path(vectors)), words.length);
  const has = (part: ModelPart) => !without.includes(part);
  /** That the photo belongs to the text, is one of a known kind and shows the word, and that people would tag that. */
  const probabilityOf = (matching: number, familiar: number, cosine: number) =>
    matching * familiar * calibration.worth * logistic(calibration.a * cosine + calibration.b);

  async function fuseTogether(posts: readonly PostWithPhoto[]): Promise<readonly Fused[]> {
    const { keys, values } = await models.text.run(textTensors(posts), {
      keys: 'float32',
      values: 'float32',
    });
    const tokens = longest(posts);
    const states = [posts.length, tokens, keys.length / (posts.length * tokens)];
    const regions = concatenate(posts.map((post) => post.regions));
    const regionCount = regions.length / (posts.length * features);
    const { familiarity, match, weights, vector } = await models.fusion.run(
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
      { familiarity: 'float32', match: 'float32', weights: 'float32', vector: 'float32' },
    );
    const near = await search(vector, wordVectors, wordVectors.length / words.length, count);
    return posts.map(({ given, photoIndex, text, entities, imageText = '' }, row) => {
      const familiar = familiarity[row] ?? 0;
      const named = namedIn(text, entities);
      // Of a photo unlike all that were learned from, and of one without a text, nothing is known unless it is named.
      const judged = text !== '' && (familiar >= leastFamiliar || named > 0);
      const score = noisyOr(match[row] ?? 0, named);
      const kept =
        !has('image-filter') || (given === undefined ? !judged || score >= minMatch : given >= minMatch);
      const shown = (kept && has('fusion') ? (near[row] ?? []) : [])
        .map(({ index, score: cosine }) => ({
          word: words[index] ?? '',
          score: probabilityOf(given ?? score, familiar, cosine),
        }))
        .filter(({ score: probability }) => probability >= minScore);
      const known = given ?? (judged ? score : undefined);
      const photo = {
        number: photoIndex,
        used: kept,
        weights: [...rowOf(weights, row, regionCount)],
        ...(known === undefined ? {} : { match: known }),
      };
      return {
        photo,
        entities: kept ? entities.map(({ name }) => name) : [],
        imageText: kept ? imageText : '',
        imageKeyphrases: shown,
        score,
      };
    });
  }

  return async (posts) => {
    const pairs = posts.flatMap(({ text, photos = [], match: given }, postIndex) => {
      if (photos.length === 0) return [];
      const tokenized = tokenizer.tokenize({ text, entities: [], attributes: [], imageText: '' });
      return photos.map((photo, photoIndex) => ({
        ...{ postIndex, photoIndex, text, given },
        ...photo,
        ...tokenized,
      }));
    });
    const fused = await inLengthBuckets(pairs, ({ ids }) => ids.length, bucketSize, fuseTogether);
    const best: (Fused | undefined)[] = posts.map(() => undefined);
    pairs.forEach(({ postIndex }, pair) => {
      const [before, found] = [best[postIndex], fused[pair]];
      if (found !== undefined && (before === undefined || found.score > before.score))
        best[postIndex] = found;
    });
    return best;
  };
}

/** How probably a text names what was found in a photo: as far as the words of its name stand there. */
function namedIn(text: string, entities: readonly FoundEntity[]): number {
  const words = new Set(stemText(text).stems);
  const named = entities.map(({ name, score }) => {
    const { stems } = stemText(name);
    return (score * stems.filter((stem) => words.has(stem)).length) / Math.max(1, stems.length);
  });
  return Math.max(0, ...named);
}
