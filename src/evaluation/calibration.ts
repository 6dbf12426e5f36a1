import { precisionAndRecall, stemCase, type EvaluationCase } from './measures.js';

/** How far the scores of the first phrases can be taken at their word; all in [0, 1]. */
export interface Calibration {
  /** How many posts have a first phrase with a score. */
  readonly posts: number;
  readonly meanScore: number;
  /** The share of first phrases that are right. */
  readonly right: number;
  /** The expected calibration error. */
  readonly error: number;
}

/** Of equal width, the usual number. */
const bins = 10;

/**
 * The expected calibration error of the first phrases (Guo et al., ICML 2017, equation 5, after Naeini et al., 2015):
 * the posts are binned by their first phrase's score, and |mean score − share that is right| is averaged over the bins,
 * each weighed with its posts.
 *
 * @returns nothing where no first phrase has a score
 */
export function calibrationOf(cases: Iterable<EvaluationCase>): Calibration | undefined {
  const firsts = [...cases].flatMap(({ gold, predicted: [first], firstScore: score }) => {
    if (first === undefined || score === undefined) return [];
    return [{ score, right: precisionAndRecall(stemCase({ gold, predicted: [first] }), 1).precision }];
  });
  if (firsts.length === 0) return undefined;
  const sums = Array.from({ length: bins }, () => ({ score: 0, right: 0 }));
  for (const { score, right } of firsts) {
    const bin = sums[Math.min(bins - 1, Math.floor(score * bins))];
    if (bin === undefined) continue;
    bin.score += score;
    bin.right += right;
  }
  const mean = (figure: (bin: (typeof sums)[number]) => number) =>
    sums.reduce((sum, bin) => sum + figure(bin), 0) / firsts.length;
  return {
    posts: firsts.length,
    meanScore: mean(({ score }) => score),
    right: mean(({ right }) => right),
    error: mean(({ score, right }) => Math.abs(score - right)),
  };
}
