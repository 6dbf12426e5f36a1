import { isPresent, stemPhrases, stemWords } from './stemmed-phrases.js';

/** One post as it is judged. */
export interface EvaluationCase {
  /** The true keyphrases. */
  readonly gold: readonly string[];
  /** The predicted keyphrases, best first. */
  readonly predicted: readonly string[];
  /** The first one's score, in [0, 1], where it is known. */
  readonly firstScore?: number | undefined;
  /** The post's cleaned text, its words parted by white space: it decides which phrases are present. */
  readonly text: string;
}

/** The measures over a set of posts, each in percent; all are 0 where there are no posts. */
export interface Scores {
  readonly posts: number;
  readonly f1At1: number;
  readonly f1At3: number;
  readonly mapAt5: number;
  readonly ndcgAt5: number;
}

export interface Evaluation {
  readonly all: Scores;
  /** Present phrases alone, predicted and true, over the posts that have a true one which is present. */
  readonly present: Scores;
  /** Absent phrases alone, likewise. */
  readonly absent: Scores;
}

/** A post's true and predicted phrases, stemmed and without duplicates. */
export interface StemmedCase {
  readonly gold: readonly string[];
  readonly predicted: readonly string[];
}

export function stemCase({ gold, predicted }: Pick<EvaluationCase, 'gold' | 'predicted'>): StemmedCase {
  return { gold: stemPhrases(gold), predicted: stemPhrases(predicted) };
}

/**
 * The keyphrase measures of Wang et al., EMNLP 2020 ("Cross-Media Keyphrase Prediction"), and NDCG.
 *
 * With a post's stemmed true phrases G and its ranked, stemmed predictions p₁, p₂, …:
 *
 * - P@k = hits among the first k / min(k, predictions); R@k = those hits / |G|
 * - F1@k = the harmonic mean of P@k and R@k, each averaged over all posts first
 * - AP@5 = Σ_{i≤5, pᵢ hits} P@i / |G|; MAP@5 is its mean over the posts
 * - NDCG@5 = Σ_{i≤5, pᵢ hits} 1/log₂(i+1), divided by what min(5, |G|) hits at the top would have given
 *   (Järvelin & Kekäläinen, 2002)
 *
 * A post without predictions counts 0 in each. A phrase is present where its stems stand in a row in the
 * stemmed text.
 */
export function evaluate(cases: Iterable<EvaluationCase>): Evaluation {
  const all: StemmedCase[] = [];
  const present: StemmedCase[] = [];
  const absent: StemmedCase[] = [];
  for (const post of cases) {
    const { gold, predicted } = stemCase(post);
    const textStems = stemWords(post.text);
    const stands = (phrase: string) => isPresent(phrase, textStems);
    const lacks = (phrase: string) => !stands(phrase);
    all.push({ gold, predicted });
    present.push({ gold: gold.filter(stands), predicted: predicted.filter(stands) });
    absent.push({ gold: gold.filter(lacks), predicted: predicted.filter(lacks) });
  }
  const hasGold = (post: StemmedCase) => post.gold.length > 0;
  return { all: score(all), present: score(present.filter(hasGold)), absent: score(absent.filter(hasGold)) };
}

function score(cases: readonly StemmedCase[]): Scores {
  return {
    posts: cases.length,
    f1At1: 100 * f1(cases.map((post) => precisionAndRecall(post, 1))),
    f1At3: 100 * f1(cases.map((post) => precisionAndRecall(post, 3))),
    mapAt5: 100 * mean(cases.map((post) => averagePrecision(post, 5))),
    ndcgAt5: 100 * mean(cases.map((post) => normalisedGain(post, 5))),
  };
}

export interface PrecisionAndRecall {
  readonly precision: number;
  readonly recall: number;
}

/** One post's P@k and R@k, in [0, 1]. */
export function precisionAndRecall({ gold, predicted }: StemmedCase, k: number): PrecisionAndRecall {
  const first = predicted.slice(0, k);
  const hits = first.filter((phrase) => gold.includes(phrase)).length;
  return { precision: ratio(hits, first.length), recall: ratio(hits, gold.length) };
}

/** The harmonic mean of the averaged precision and the averaged recall, in [0, 1]. */
export function f1(posts: readonly PrecisionAndRecall[]): number {
  const precision = mean(posts.map((post) => post.precision));
  const recall = mean(posts.map((post) => post.recall));
  return ratio(2 * precision * recall, precision + recall);
}

function averagePrecision({ gold, predicted }: StemmedCase, k: number): number {
  let hits = 0;
  let sum = 0;
  for (const [index, phrase] of predicted.slice(0, k).entries()) {
    if (!gold.includes(phrase)) continue;
    hits += 1;
    sum += hits / (index + 1);
  }
  return ratio(sum, gold.length);
}

function normalisedGain({ gold, predicted }: StemmedCase, k: number): number {
  const gain = (index: number) => 1 / Math.log2(index + 2);
  const gained = predicted
    .slice(0, k)
    .map((phrase, index) => (gold.includes(phrase) ? gain(index) : 0))
    .reduce((sum, each) => sum + each, 0);
  const ideal = gold
    .slice(0, k)
    .map((_, index) => gain(index))
    .reduce((sum, each) => sum + each, 0);
  return ratio(gained, ideal);
}

function mean(values: readonly number[]): number {
  return ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
}

/** A quotient that is 0 where nothing is divided by nothing. */
function ratio(dividend: number, divisor: number): number {
  return divisor === 0 ? 0 : dividend / divisor;
}
