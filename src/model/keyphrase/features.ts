import { noShare, type CoOccurrence } from './co-occurrence.js';
import { rankedLabels } from './candidate-generation.js';
import type { Candidate } from './candidates.js';
import type { CandidateContext } from './candidate-context.js';
import type { LabelStore } from './label-store.js';
import type { PhraseMatch } from './gazetteer.js';

/** A number about a candidate of a post. */
type Feature = (candidate: Candidate, context: CandidateContext, labelStore: LabelStore) => number;

/** The log-probability of what no part proposed, and its ranks: beyond all that there are, as the ranker was trained. */
const improbable = -20;
const beyondClassified = rankedLabels;
const beyond = 99;

/**
 * The ranker's features in the order of its input, computed as in `models/training/candidates.py`. Logarithms are
 * natural, ranks count from 0, and shares are those of co-occurrence.ts; `past` is what hashtag posts of earlier years
 * say.
 */
const features = {
  classified: ({ label }, { sources }) => sources.logProbabilities[label] ?? improbable,
  classified_rank: ({ label }, { classifiedRanks }) => classifiedRanks.get(label) ?? beyondClassified,
  classified_gap: ({ label }, { sources: { logProbabilities, classified } }) =>
    (logProbabilities[label] ?? improbable) - (classified[0]?.score ?? improbable),
  likeness: ({ label }, context) => likeness(label, context),
  likeness_rank: ({ label }, { alikeRanks }) => alikeRanks.get(label) ?? beyond,
  likeness_gap: ({ label }, context) =>
    gapToFirst(label, context.alikeRanks, (other) => likeness(other, context)),

  neighbour_likeness: ({ label }, { votes }) => votes.get(label)?.similarity ?? 0,
  neighbour_votes: ({ label }, { votes }) => votes.get(label)?.share ?? 0,
  neighbour_count: ({ label }, { votes }) => votes.get(label)?.count ?? 0,
  neighbour_rank: ({ label }, { votes }) => votes.get(label)?.rank ?? beyond,

  text_share: ({ label }, { shares }) => (shares.text.get(label) ?? noShare).largest,
  text_shares: ({ label }, { shares }) => (shares.text.get(label) ?? noShare).total,
  text_lift: ({ label }, { shares }) => (shares.text.get(label) ?? noShare).lift,
  pair_share: ({ label }, { shares }) => (shares.pairs.get(label) ?? noShare).largest,
  pair_shares: ({ label }, { shares }) => (shares.pairs.get(label) ?? noShare).total,
  pair_lift: ({ label }, { shares }) => (shares.pairs.get(label) ?? noShare).lift,
  entity_share: ({ label }, { shares }) => (shares.entities.get(label) ?? noShare).largest,
  entity_shares: ({ label }, { shares }) => (shares.entities.get(label) ?? noShare).total,
  entity_lift: ({ label }, { shares }) => (shares.entities.get(label) ?? noShare).lift,
  attribute_share: ({ label }, { shares }) => (shares.attributes.get(label) ?? noShare).largest,
  attribute_shares: ({ label }, { shares }) => (shares.attributes.get(label) ?? noShare).total,
  attribute_lift: ({ label }, { shares }) => (shares.attributes.get(label) ?? noShare).lift,
  ocr_share: ({ label }, { shares }) => (shares.ocr.get(label) ?? noShare).largest,
  ocr_shares: ({ label }, { shares }) => (shares.ocr.get(label) ?? noShare).total,
  ocr_lift: ({ label }, { shares }) => (shares.ocr.get(label) ?? noShare).lift,
  past_share: ({ label }, { shares }) => (shares.past.get(label) ?? noShare).largest,
  past_shares: ({ label }, { shares }) => (shares.past.get(label) ?? noShare).total,
  past_lift: ({ label }, { shares }) => (shares.past.get(label) ?? noShare).lift,

  together: ({ label }, { classifiedRanks }, { coOccurrence }) =>
    shareBesideFirst(label, classifiedRanks, coOccurrence),
  together_voted: ({ label }, { votedRanks }, { coOccurrence }) =>
    shareBesideFirst(label, votedRanks, coOccurrence),
  votes_gap: ({ label }, { votes, votedRanks }) =>
    gapToFirst(label, votedRanks, (other) => votes.get(other)?.share ?? 0),
  shares_gap: ({ label }, { summedShares, sharedRanks }) =>
    gapToFirst(label, sharedRanks, (other) => summedShares.get(other) ?? 0),

  prior: ({ label }, _, { coOccurrence }) => Math.log(coOccurrence.postsWith(label) + 1),
  past_prior: ({ label }, _, { pastCoOccurrence: past }) => Math.log(past.postsWith(label) + 1),
  // The list is sorted by frequency, so a label's place in it is a prior of its own.
  label_rank: ({ label }, _, { labels }) => Math.log(2 + (label < 0 ? labels.length : label)),
  words: ({ stems }) => stems.length,
  letters: ({ phrase }) => [...phrase].length,

  in_text: ({ matches }) => agreement(matches.text),
  text_place: ({ matches }) => matches.text?.start ?? -1,
  in_ocr: ({ matches }) => agreement(matches.ocr),
  in_entities: ({ matches }) => agreement(matches.entities),
  text_overlap: ({ stems: own }, { stems }) => overlap(own, stems.text),
  ocr_overlap: ({ stems: own }, { stems }) => overlap(own, stems.ocr),
  entity_overlap: ({ stems: own }, { stems }) => overlap(own, stems.entities),

  beam: ({ phrase }, { generated }) => generated.get(phrase)?.logProbability ?? improbable,
  beam_rank: ({ phrase }, { generated }) => generated.get(phrase)?.rank ?? beyond,

  // From here to `best_beam` a feature is the same for all candidates of a post.
  text_words: (_, { wordCounts }) => wordCounts.text,
  ocr_words: (_, { wordCounts }) => wordCounts.ocr,
  best_classified: (_, { sources }) => sources.classified[0]?.score ?? improbable,
  entropy: (_, { entropy }) => entropy,
  nearest: (_, { sources }) => sources.neighbours[0]?.similarity ?? 0,
  best_beam: (_, { sources }) => sources.generated[0]?.logProbability ?? improbable,

  votes_rank: ({ label }, { votedRanks }) => votedRanks.get(label) ?? beyond,
  shares_rank: ({ label }, { sharedRanks }) => sharedRanks.get(label) ?? beyond,
} satisfies Readonly<Record<string, Feature>>;

/** Names of the features in their order; the bundle's ranker must have been trained on the same. */
export const featureNames: readonly string[] = Object.keys(features);

const formulas: readonly Feature[] = Object.values(features);

/** The features of a post's candidates, `[candidates, features]`. */
export function featuresOf(
  candidates: readonly Candidate[],
  context: CandidateContext,
  labelStore: LabelStore,
): Float32Array {
  const rows = new Float32Array(candidates.length * formulas.length);
  let at = 0;
  for (const candidate of candidates) {
    for (const formula of formulas) rows[at++] = formula(candidate, context, labelStore);
  }
  return rows;
}

function agreement(place: PhraseMatch | undefined): number {
  if (place === undefined) return 0;
  return place.by === 'letters' ? 2 : 1;
}

/** The share of a label's words whose stems stand in a text. */
function overlap(words: readonly string[], stems: ReadonlySet<string>): number {
  let standing = 0;
  for (const word of words) if (stems.has(word)) standing += 1;
  return standing / words.length;
}

/** The cosine of the post and a label's words; 0 where there is no such label. */
function likeness(label: number, { likenessOf }: CandidateContext): number {
  return label < 0 ? 0 : likenessOf(label);
}

/** How often a label goes with the first of others. */
function shareBesideFirst(
  label: number,
  [first]: ReadonlyMap<number, number>,
  coOccurrence: CoOccurrence,
): number {
  return first === undefined ? 0 : coOccurrence.shareBeside(first[0], label);
}

/** How far a label's value lies below that of the first of others. */
function gapToFirst(
  label: number,
  [first]: ReadonlyMap<number, number>,
  valueOf: (label: number) => number,
): number {
  return valueOf(label) - (first === undefined ? 0 : valueOf(first[0]));
}
