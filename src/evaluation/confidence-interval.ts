import { mulberry32 } from '../domain/random.js';
import { f1, precisionAndRecall, stemCase, type EvaluationCase } from './measures.js';

/** The bounds of a 95% interval, in percent. */
export interface ConfidenceInterval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** An unsigned 32-bit integer; the same seed gives the same interval. */
  readonly seed: number;
  readonly resamples?: number;
}

/**
 * The 95% percentile bootstrap interval of F1@1 (Efron, 1979): F1@1 over as many posts drawn with
 * replacement, a thousand times unless told otherwise, and of those figures the 2.5th and the 97.5th
 * percentile.
 *
 * @returns 0 to 0 where there are no cases.
 */
export function f1At1Interval(
  cases: Iterable<Pick<EvaluationCase, 'gold' | 'predicted'>>,
  { seed, resamples = 1_000 }: BootstrapOptions,
): ConfidenceInterval {
  const posts = [...cases].map((post) => precisionAndRecall(stemCase(post), 1));
  const random = mulberry32(seed);
  const draw = () => posts[Math.floor(random() * posts.length)] ?? { precision: 0, recall: 0 };
  const figures = Array.from({ length: resamples }, () => 100 * f1(posts.map(draw))).sort((a, b) => a - b);
  const percentile = (fraction: number) => figures[Math.round(fraction * (figures.length - 1))] ?? 0;
  return { low: percentile(0.025), high: percentile(0.975) };
}
