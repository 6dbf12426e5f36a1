import type { ModelBundle } from './model-bundle.js';
import type { ImageEncoding } from './protocol.js';
import type { Session } from './session.js';
import { imageTensors, rowOf } from './tensors.js';
import { topScores } from './top-scores.js';

/**
 * Names what images show.
 *
 * @param images each `size * size * 3` bytes, 8-bit RGB, rows first
 * @throws RangeError when an image has another size
 */
export type ImageModel = (images: readonly Uint8Array[]) => Promise<readonly ImageEncoding[]>;

export function createImageModel(bundle: ModelBundle, model: Session): ImageModel {
  const { classes: file, size, maxEntities, minScore } = bundle.manifest.image;
  const classes = bundle.lines(file);
  return async (images) => {
    const { probabilities } = await model.run(imageTensors(images, size), { probabilities: 'float32' });
    return images.map((_, row) => ({
      entities: topScores(rowOf(probabilities, row, classes.length), maxEntities)
        .filter(({ score }) => score >= minScore)
        .map(({ index, score }) => ({ label: classes[index] ?? '', score })),
    }));
  };
}
