import type { ModelPart, ScoredPhrase } from '../../domain/keyphrase.js';
import { chooseCandidates, originOf } from './candidates.js';
import { buildCandidateContext } from './candidate-context.js';
import { featuresOf } from './features.js';
import { createFusion, type ImageKeyphrase } from '../fusion.js';
import { readLabelStore, readKnnVectors } from './label-store.js';
import type { ModelBundle } from '../bundle.js';
import { createCandidateGenerator } from './candidate-generation.js';
import { createEncoder, type Encoding } from './encoder.js';
import { createKnnIndex } from './knn-index.js';
import { createPointerGenerator } from './pointer-generator.js';
import { createTokenizer } from './tokenizer.js';
import { createVectorSearch } from '../../onnx/vector-search.js';
import { stemText } from './stemming.js';
import { noisyOr } from '../probability.js';
import type { ModelInput, Prediction } from '../input.js';
import { createRanker } from './ranker.js';
import type { Session } from '../../onnx/session.js';

/** The ONNX models that read a post, and its photo by its regions. */
export type KeyphraseSessions = Readonly<
  Record<'text' | 'search' | 'decoder' | 'ranker' | 'fusion', Session>
>;

/** Posts that go through the encoder, and through the decoder and the fusion, together at most. */
export interface BucketSizes {
  readonly encoder: number;
  readonly decoder: number;
}

/** Finds the keyphrases of the posts of a batch: for each at most `limit`. */
export type KeyphraseModel = (posts: readonly ModelInput[], limit: number) => Promise<readonly Prediction[]>;

/**
 * The model (after arXiv 2309.04734; `models/training` trains it). A photo is matched with its text first: one that
 * does not belong to it is rejected with the entities that were found in it. Words, entities among them, go to an
 * encoder with a classifier, the labelled posts that are similar, a pointer generator, and a ranker over the candidates
 * of all. Last, what the photo shows is added.
 *
 * @param without parts that are left out
 * @throws Error when the bundle's files don't fit each other or this code
 */
export function createKeyphraseModel(
  bundle: ModelBundle,
  models: KeyphraseSessions,
  buckets: BucketSizes,
  without: readonly ModelPart[],
): KeyphraseModel {
  const settings = bundle.manifest.ranker;
  const labelStore = readLabelStore(bundle, without);
  const tokenizer = createTokenizer(bundle);
  const search = createVectorSearch(models.search);
  const encode = createEncoder(tokenizer, models.text, buckets.encoder);
  const fuse = createFusion(bundle, models.fusion, search, buckets.decoder, without);
  const index = createKnnIndex(search, readKnnVectors(bundle, labelStore));
  const generate = createPointerGenerator(
    bundle,
    models.decoder,
    tokenizer,
    labelStore.labels,
    buckets.decoder,
  );
  const findSources = createCandidateGenerator(
    bundle.manifest,
    { labelStore, search, index, generate },
    without,
  );
  const rank = createRanker(bundle, models.ranker);

  /** Encodes the posts that are asked for, at their positions; at the others stands what is known. */
  async function encodeAt(
    positions: readonly number[],
    posts: readonly ModelInput[],
    known: readonly (Encoding | undefined)[],
  ): Promise<readonly (Encoding | undefined)[]> {
    const encoded = await encode(positions.flatMap((position) => posts[position] ?? []));
    const all = [...known];
    positions.forEach((position, at) => (all[position] = encoded[at]));
    return all;
  }

  return async (posts, limit) => {
    const nothing = posts.map(() => undefined);
    const withPhoto = positionsOf(posts, ({ photos = [] }) => photos.length > 0);
    const texts = await encodeAt(withPhoto, posts.map(textAlone), nothing);
    const fused = await fuse(posts, texts);
    const enriched = posts.map((post, at) => {
      const { entities = post.entities, imageText = '' } = fused[at] ?? {};
      return { ...post, entities, imageText: post.imageText === '' ? imageText : post.imageText };
    });
    // A text that nothing was added to is not read again.
    const unread = positionsOf(enriched, (post, at) => texts[at] === undefined || !isTextAlone(post));
    const encodings = (await encodeAt(unread, enriched, texts)).flatMap((encoding) => encoding ?? []);
    const sources = await findSources(enriched, encodings);
    const cases = sources.map((ofPost) => {
      const context = buildCandidateContext(labelStore, settings, ofPost);
      return { context, candidates: chooseCandidates(context, labelStore, settings.classified) };
    });
    const probabilities = await rank(
      cases.map(({ context, candidates }) => featuresOf(candidates, context, labelStore)),
    );
    return cases.map(({ context, candidates }, at) => {
      const read = candidates.map((candidate, number) => ({
        stems: candidate.stems.join(' '),
        phrase: {
          phrase: candidate.phrase,
          score: probabilities[at]?.[number] ?? 0,
          origin: originOf(candidate, context, settings.classified),
        },
      }));
      const { photo, imageKeyphrases = [] } = fused[at] ?? {};
      const phrases = withImageKeyphrases(likeliest(read), imageKeyphrases).slice(0, limit);
      return photo === undefined ? { phrases } : { phrases, photo };
    });
  };
}

const textAlone = ({ text }: ModelInput): ModelInput => ({
  text,
  entities: [],
  attributes: [],
  imageText: '',
});

const isTextAlone = ({ entities, attributes, imageText }: ModelInput): boolean =>
  entities.length === 0 && attributes.length === 0 && imageText === '';

function positionsOf<T>(items: readonly T[], wanted: (item: T, position: number) => boolean): number[] {
  return items.flatMap((item, position) => (wanted(item, position) ? [position] : []));
}

interface StemmedPhrase {
  /** The stems of its words, joined by spaces. */
  readonly stems: string;
  readonly phrase: ScoredPhrase;
}

/** Phrases by their stems, the likeliest first. Of those whose words have the same stems one is enough. */
function likeliest(phrases: readonly StemmedPhrase[]): Map<string, ScoredPhrase> {
  const byStems = new Map<string, ScoredPhrase>();
  for (const { stems, phrase } of [...phrases].sort((one, other) => other.phrase.score - one.phrase.score)) {
    if (!byStems.has(stems)) byStems.set(stems, phrase);
  }
  return byStems;
}

/**
 * Adds what the photo shows, and sorts anew. A phrase is right when the words or the photo make it so, which are taken
 * as independent causes (a noisy "or": Pearl, Probabilistic Reasoning in Intelligent Systems, 1988, section 4.3).
 */
function withImageKeyphrases(
  read: ReadonlyMap<string, ScoredPhrase>,
  imageKeyphrases: readonly ImageKeyphrase[],
): readonly ScoredPhrase[] {
  if (imageKeyphrases.length === 0) return [...read.values()];
  const all = new Map(read);
  for (const { word, score } of imageKeyphrases) {
    const stems = stemText(word).stems.join(' ');
    const known = all.get(stems);
    all.set(
      stems,
      known === undefined
        ? { phrase: word, score, origin: ['classified'] }
        : { ...known, score: noisyOr(known.score, score) },
    );
  }
  return [...all.values()].sort((one, other) => other.score - one.score);
}
