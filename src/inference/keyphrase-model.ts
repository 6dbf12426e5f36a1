import type { ModelPart, ScoredPhrase } from '../domain/keyphrase.js';
import { chooseCandidates, originOf, type Candidate } from './candidates.js';
import { gatherEvidence } from './evidence.js';
import { featuresOf } from './features.js';
import { readKnowledge, readMemory } from './knowledge.js';
import type { ModelBundle } from './model-bundle.js';
import { createProposer } from './proposer.js';
import type { ModelInput } from './protocol.js';
import { createRanker } from './ranker.js';
import type { Session } from './session.js';
import { topScores } from './top-scores.js';

/** The ONNX models that read words. */
export type WordModels = Readonly<Record<'text' | 'search' | 'decoder' | 'ranker', Session>>;

/** Finds the keyphrases of the posts of a batch: for each at most `limit`, best first. */
export type KeyphraseModel = (
  posts: readonly ModelInput[],
  limit: number,
) => Promise<readonly (readonly ScoredPhrase[])[]>;

/**
 * The half of the model that reads words: an encoder with a classifier, the labelled posts that are similar, a pointer
 * generator, and a ranker over what they propose (after arXiv 2309.04734; `models/training` trains it).
 *
 * @param without parts that are left out
 * @throws Error when the bundle's files don't fit each other or this code
 */
export function createKeyphraseModel(
  bundle: ModelBundle,
  models: WordModels,
  without: readonly ModelPart[],
): KeyphraseModel {
  const settings = bundle.manifest.ranker;
  const knowledge = readKnowledge(bundle, without);
  const propose = createProposer(bundle, models, knowledge.labels, readMemory(bundle, knowledge), without);
  const rank = createRanker(bundle, models.ranker);

  return async (posts, limit) => {
    const proposals = await propose(posts);
    const cases = proposals.map((proposal) => {
      const evidence = gatherEvidence(knowledge, settings, proposal);
      return { evidence, candidates: chooseCandidates(evidence, knowledge, settings.classified) };
    });
    const probabilities = await rank(
      cases.map(({ evidence, candidates }) => featuresOf(candidates, evidence, knowledge)),
    );
    return cases.map(({ evidence, candidates }, post) =>
      likeliest(candidates, probabilities[post] ?? new Float64Array(), limit).map(
        ({ score, ...candidate }) => ({
          phrase: candidate.phrase,
          score,
          origin: originOf(candidate, evidence, settings.classified),
        }),
      ),
    );
  };
}

/** The likeliest candidates with their probabilities. Of those whose words have the same stems one is enough. */
function likeliest(
  candidates: readonly Candidate[],
  probabilities: Float64Array,
  limit: number,
): (Candidate & { readonly score: number })[] {
  const byStems = new Map<string, Candidate & { readonly score: number }>();
  for (const { index, score } of topScores(probabilities, candidates.length)) {
    const candidate = candidates[index] as Candidate;
    const stems = candidate.stems.join(' ');
    if (!byStems.has(stems)) byStems.set(stems, { ...candidate, score });
    if (byStems.size === limit) break;
  }
  return [...byStems.values()];
}
