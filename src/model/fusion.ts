import { readFileSync } from 'node:fs';
import type { PhotoUse } from '../domain/image.js';
import type { ModelPart } from '../domain/keyphrase.js';
import { inLengthBuckets } from './length-buckets.js';
import type { ModelBundle } from './bundle.js';
import { stemText } from './keyphrase/stemming.js';
import { noisyOr, logistic } from './probability.js';
import type { FoundEntity, ModelInput, PhotoInput } from './input.js';
import { dequantise } from '../onnx/quantised-vectors.js';
import type { Session } from '../onnx/session.js';
import { concatenate, float32, int64Rows, rowOf } from '../onnx/tensors.js';
import { tokenStates, type Encoding } from './keyphrase/encoder.js';
import type { VectorSearch } from '../onnx/vector-search.js';

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

/** Reads posts together with their photos, by the encoding of their text alone; a post without any gives `undefined`. */
export type Fusion = (
  posts: readonly ModelInput[],
  encodings: readonly (Encoding | undefined)[],
) => Promise<readonly (Fused | undefined)[]>;

interface PostWithPhoto extends PhotoInput {
  readonly text: string;
  readonly encoding: Encoding;
  /** The post's position in the batch, and the photo's among the post's. */
  readonly postIndex: number;
  readonly photoIndex: number;
  /** The matching score, where an upstream service gave it. */
  readonly given: number | undefined;
}

/**
 * The image's way into the model (arXiv 2309.04734, section 3): a matching score that rejects photos which don't
 * belong to the text, a weight for each region, and attention from the text over the regions. It ends in a vector where
 * the encoder's vectors of words are, so that the words nearest to it name what the photo shows. `models/training`
 * trains it. The score of a photo unlike those of the training is not relied on, unless the text names what was found in
 * the photo, which raises the score. The text is read without any words for the photo, which would match it in any case.
 *
 * @param bucketSize posts that go through the model together
 * @param without parts that are left out: without `image-filter` no photo is rejected, without `region-filter` all
 * regions weigh the same, without `fusion` the photo puts no words forward
 * @throws RangeError when the file of the words' vectors does not fit their list
 */
export function createFusion(
  bundle: ModelBundle,
  model: Session,
  search: VectorSearch,
  bucketSize: number,
  without: readonly ModelPart[],
): Fusion {
  const { features } = bundle.manifest.image;
  const { words: file, vectors, minMatch, minScore, keyphrases: count, calibration } = bundle.manifest.fusion;
  const words = bundle.lines(file);
  const wordVectors = dequantise(readFileSync(bundle.path(vectors)), words.length);
  const has = (part: ModelPart) => !without.includes(part);
  /** That the photo belongs to the text, is one of a known kind and shows the word, and that people would tag that. */
  const probabilityOf = (matching: number, familiar: number, cosine: number) =>
    matching * familiar * calibration.tagRate * logistic(calibration.a * cosine + calibration.b);

  async function fuseBucket(posts: readonly PostWithPhoto[]): Promise<readonly Fused[]> {
    const { keys, values, tokens } = tokenStates(posts.map(({ encoding }) => encoding));
    const regions = concatenate(posts.map((post) => post.regions));
    const regionCount = regions.length / (posts.length * features);
    const { familiarity, match, weights, vector } = await model.run(
      {
        keys,
        values,
        mask: int64Rows(
          posts.map(({ encoding: { ids } }) => ids.map(() => 1)),
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
      const imageKeyphrases = (kept && has('fusion') ? (near[row] ?? []) : [])
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
        imageKeyphrases,
        score,
      };
    });
  }

  return async (posts, encodings) => {
    const pairs = posts.flatMap(({ text, photos = [], match: given }, postIndex) => {
      const encoding = encodings[postIndex];
      if (encoding === undefined) return [];
      return photos.map((photo, photoIndex) => ({ postIndex, photoIndex, text, given, encoding, ...photo }));
    });
    const fused = await inLengthBuckets(pairs, ({ encoding: { ids } }) => ids.length, bucketSize, fuseBucket);
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
