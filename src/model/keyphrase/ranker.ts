import { featureNames } from './features.js';
import type { ModelBundle } from '../bundle.js';
import { logistic } from '../probability.js';
import type { Session } from '../../onnx/session.js';
import { concatenate, float32 } from '../../onnx/tensors.js';

/**
 * The probability that each candidate is right.
 *
 * @param posts the features of each post's candidates, `[candidates, features]`
 * @returns for each post its candidates' probabilities
 */
export type Ranker = (posts: readonly Float32Array[]) => Promise<readonly (readonly number[])[]>;

/**
 * Gradient-boosted trees whose scores are calibrated by Platt scaling (Platt, 1999).
 *
 * @throws Error when the bundle's ranker was trained on other features than these
 */
export function createRanker({ manifest }: ModelBundle, model: Session): Ranker {
  const { features: expected, calibration } = manifest.ranker;
  if (expected.join() !== featureNames.join()) {
    throw new Error(`the ranker reads the features ${expected.join(', ')}, not ${featureNames.join(', ')}`);
  }
  const probabilityOf = (score: number) => logistic(calibration.a * score + calibration.b);

  return async (posts) => {
    const features = concatenate(posts);
    if (features.length === 0) return posts.map(() => []);
    const { score } = await model.run(
      { features: float32(features, [features.length / featureNames.length, featureNames.length]) },
      { score: 'float32' },
    );
    let candidate = 0;
    return posts.map(({ length }) =>
      Array.from({ length: length / featureNames.length }, () => probabilityOf(score[candidate++] ?? NaN)),
    );
  };
}
