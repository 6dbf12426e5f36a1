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
  const propose = createProposer(bundle, models, knowledge, readMemory(bundle, knowledge), without);
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
      likeliest(candidates, probabilities[post] ?? [], limit).map(({ candidate, score }) => ({
        phrase: candidate.phrase,
        score,
        origin: originOf(candidate, evidence, settings.classified),
      })),
    );
  };
}

interface Ranked {
  readonly candidate: Candidate;
  readonly score: number;
}

/** The likeliest candidates, best first. Of those whose words have the same stems one is enough. */
function likeliest(candidates: readonly Candidate[], scores: readonly number[], limit: number): Ranked[] {
  const ranked = candidates
    .map((candidate, at) => ({ candidate, score: scores[at] ?? 0 }))
    .sort((one, other) => other.score - one.score);
  const byStems = new Map<string, Ranked>();
  for (const one of ranked) {
    const stems = one.candidate.stems.join(' ');
    if (!byStems.has(stems)) byStems.set(stems, one);
    if (byStems.size === limit) break;
  }
  return [...byStems.values()];
}
