import { rowOf } from '../../onnx/tensors.js';
import { topK } from '../../onnx/top-k.js';
import type { Share } from './co-occurrence.js';
import type { LabelStore } from './label-store.js';
import type { Neighbour } from './knn-index.js';
import { type PhraseMatch } from './gazetteer.js';
import { stemText, type StemmedText } from './stemming.js';
import type { GeneratedPhrase } from './pointer-generator.js';
import type { CandidateSources } from './candidate-generation.js';
import { termsOf, wordsOf, type Field } from './terms.js';

/** How the neighbours vote for a label. */
export interface Vote {
  /** Similarity and rank of the first neighbour that has the label. */
  readonly similarity: number;
  readonly rank: number;
  /** Neighbours that have it, and their share of all votes. */
  readonly count: number;
  readonly share: number;
}

/** The parts of a post in which phrases are looked for. */
export const readable = ['text', 'ocr', 'entities'] as const;
export type Readable = (typeof readable)[number];

/** How much a field's shares count when the first labels by them are chosen. */
const shareWeights = [
  ['text', 1],
  ['pairs', 1],
  ['entities', 1],
  ['ocr', 1],
  ['past', 0.5],
] as const;

/** Ranks of the first labels by some measure, from 0, in their order. */
type Ranks = ReadonlyMap<number, number>;

/** What speaks for a post's labels and phrases: the maps lack those for which there is nothing. */
export interface CandidateContext {
  readonly sources: CandidateSources;
  /** The classifier's first labels. */
  readonly classifiedRanks: Ranks;
  /** Those whose words are most similar to the post. */
  readonly alikeRanks: Ranks;
  /** The cosine of the post and a label's words. */
  likenessOf(label: number): number;
  /** How undecided the classifier is: the entropy of its probabilities, in nats. */
  readonly entropy: number;
  readonly votes: ReadonlyMap<number, Vote>;
  /** The first by the neighbours' votes. */
  readonly votedRanks: Ranks;
  readonly shares: Readonly<Record<Field | 'past', ReadonlyMap<number, Share>>>;
  /** How strongly all terms together speak for a label. */
  readonly summedShares: ReadonlyMap<number, number>;
  /** The first by the summed shares. */
  readonly sharedRanks: Ranks;
  /** The generated phrases, best first. */
  readonly generated: ReadonlyMap<string, { readonly logProbability: number; readonly rank: number }>;
  readonly texts: Readonly<Record<Readable, StemmedText>>;
  readonly stems: Readonly<Record<Readable, ReadonlySet<string>>>;
  readonly matches: Readonly<Record<Readable, ReadonlyMap<number, PhraseMatch>>>;
  readonly wordCounts: { readonly text: number; readonly ocr: number };
}

export interface CandidateContextSettings {
  /** A neighbour's vote is exp(sharpness × similarity). */
  readonly sharpness: number;
  /** How many labels are ranked by the neighbours' votes, and by the shares of the post's terms. */
  readonly voted: number;
  readonly shared: number;
}

/** Looks up, once for a post, all that its candidates and their features are made from. */
export function buildCandidateContext(
  { labelVectors, coOccurrence, pastCoOccurrence, gazetteer }: LabelStore,
  settings: CandidateContextSettings,
  sources: CandidateSources,
): CandidateContext {
  const { post, vector, classified, alike, neighbours, logProbabilities, generated } = sources;
  const votes = countVotes(neighbours, settings.sharpness);
  const terms = termsOf(post);
  const shares = {
    text: coOccurrence.sharesOf('text', terms.text),
    pairs: coOccurrence.sharesOf('pairs', terms.pairs),
    entities: coOccurrence.sharesOf('entities', terms.entities),
    attributes: coOccurrence.sharesOf('attributes', terms.attributes),
    ocr: coOccurrence.sharesOf('ocr', terms.ocr),
    past: pastCoOccurrence.sharesOf('text', terms.text),
  };
  const summedShares = sumShares(shares);
  const texts = {
    text: stemText(post.text),
    ocr: stemText(post.imageText),
    entities: stemText(post.entities.join(' , ')),
  };
  return {
    sources,
    classifiedRanks: ranksOf(classified.map(({ index }) => index)),
    alikeRanks: ranksOf(alike.map(({ index }) => index)),
    likenessOf: memoised((label) => dot(vector, rowOf(labelVectors, label, vector.length))),
    entropy: entropyOf(logProbabilities),
    votes,
    votedRanks: rankLabels(votes, ({ share }) => share, settings.voted),
    shares,
    summedShares,
    sharedRanks: rankLabels(summedShares, (sum) => sum, settings.shared),
    generated: rankPhrases(generated),
    texts,
    stems: eachReadable((part) => new Set(texts[part].stems)),
    matches: eachReadable((part) => gazetteer.find(texts[part])),
    wordCounts: { text: wordsOf(post.text).length, ocr: wordsOf(post.imageText).length },
  };
}

/** The same of each part of a post in which phrases are looked for. */
export function eachReadable<T>(of: (part: Readable) => T): Record<Readable, T> {
  return { text: of('text'), ocr: of('ocr'), entities: of('entities') };
}

function countVotes(neighbours: readonly Neighbour[], sharpness: number): Map<number, Vote> {
  const nearest = neighbours[0]?.similarity ?? 0;
  const weights = neighbours.map(({ similarity }) => Math.exp(sharpness * (similarity - nearest)));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const votes = new Map<number, Vote>();
  neighbours.forEach(({ similarity, labels }, rank) => {
    for (const label of labels) {
      const vote = votes.get(label) ?? { similarity, rank, count: 0, share: 0 };
      const share = vote.share + (weights[rank] ?? 0) / all;
      votes.set(label, { ...vote, count: vote.count + 1, share });
    }
  });
  return votes;
}

function sumShares(shares: CandidateContext['shares']): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [field, weight] of shareWeights) {
    for (const [label, { total }] of shares[field]) {
      sums.set(label, (sums.get(label) ?? 0) + weight * total);
    }
  }
  return sums;
}

/** The labels of the highest scores; of equal ones the smaller label first. */
function rankLabels<T>(scores: ReadonlyMap<number, T>, scoreOf: (of: T) => number, count: number): Ranks {
  const labels = Int32Array.from(scores.keys()).sort();
  const values = Float64Array.from(labels, (label) => {
    const of = scores.get(label);
    return of === undefined ? -Infinity : scoreOf(of);
  });
  return ranksOf(topK(values, count).map(({ index }) => labels[index] ?? 0));
}

function ranksOf(labels: readonly number[]): Ranks {
  return new Map(labels.map((label, rank) => [label, rank]));
}

/** Different pieces can spell the same phrase: it keeps the best of its ranks. */
function rankPhrases(generated: readonly GeneratedPhrase[]): CandidateContext['generated'] {
  const ranks = new Map<string, { logProbability: number; rank: number }>();
  generated.forEach(({ phrase, logProbability }, rank) => {
    if (!ranks.has(phrase)) ranks.set(phrase, { logProbability, rank });
  });
  return ranks;
}

function entropyOf(logProbabilities: Float32Array): number {
  let sum = 0;
  for (const logProbability of logProbabilities) sum -= Math.exp(logProbability) * logProbability;
  return sum;
}

function memoised(ask: (label: number) => number): (label: number) => number {
  const known = new Map<number, number>();
  return (label) => {
    const before = known.get(label);
    if (before !== undefined) return before;
    const value = ask(label);
    known.set(label, value);
    return value;
  };
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] ?? 0) * (other[at] ?? 0);
  return sum;
}
