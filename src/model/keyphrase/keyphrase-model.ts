import type { ModelPart, ScoredPhrase } from '../../domain/keyphrase.js';
import { chooseCandidates, originOf } from './candidates.js';
import { buildCandidateContext } from './candidate-context.js';
import { featuresOf } from './features.js';
import { createFusion, type ImageKeyphrase } from '../image/fusion.js';
import { readLabelStore, readKnnVectors } from './label-store.js';
import type { ModelBundle } from '../bundle.js';
import { createCandidateGenerator } from './candidate-generation.js';
import { stemText } from './gazetteer.js';
import { noisyOr } from '../probability.js';
import type { ModelInput, Prediction } from '../input.js';
import { createRanker } from './ranker.js';
import type { Session } from '../../onnx/session.js';

/** The ONNX models that read a post, and its photo by its regions. */
export type KeyphraseSessions = Readonly<
  Record<'text' | 'search' | 'decoder' | 'ranker' | 'fusion', Session>
>;

/** Finds the keyphrases of the posts of a batch: for each at most `limit`. */
export type KeyphraseModel = (posts: readonly ModelInput[], limit: number) => Promise<readonly Prediction[]>;

/**
 * The model (after arXiv 2309.04734; `models/training` trains it). A photo is held against its text first: one that
 * does not belong to it is turned away with the entities that were found in it. Words, entities among them, go to an
 * encoder with a classifier, the labelled posts that are similar, a pointer generator, and a ranker over what they
 * generate. Last, what the photo shows is added.
 *
 * @param without parts that are left out
 * @throws Error when the bundle's files don't fit each other or this code
 */
export function createKeyphraseModel(
  bundle: ModelBundle,
  models: KeyphraseSessions,
  without: readonly ModelPart[],
): KeyphraseModel {
  const settings = bundle.manifest.ranker;
  const labelStore = readLabelStore(bundle, without);
  const generate = createCandidateGenerator(
    bundle,
    models,
    labelStore,
    readKnnVectors(bundle, labelStore),
    without,
  );
  const rank = createRanker(bundle, models.ranker);
  const fuse = createFusion(bundle, models, without);

  return async (posts, limit) => {
    const fused = await fuse(posts);
    const matching = posts.map((post, at) => {
      const { entities = post.entities, imageText = '' } = fused[at] ?? {};
      return { ...post, entities, imageText: post.imageText === '' ? imageText : post.imageText };
    });
    const sources = await generate(matching);
    const cases = sources.map((sources) => {
      const context = buildCandidateContext(labelStore, settings, sources);
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
      const { photo, imageKeyphrases: shown = [] } = fused[at] ?? {};
      const phrases = withShown(likeliest(read), shown).slice(0, limit);
      return photo === undefined ? { phrases } : { phrases, photo };
    });
  };
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
function withShown(
  read: ReadonlyMap<string, ScoredPhrase>,
  shown: readonly ImageKeyphrase[],
): readonly ScoredPhrase[] {
  if (shown.length === 0) return [...read.values()];
  const all = new Map(read);
  for (const { word, score } of shown) {
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
