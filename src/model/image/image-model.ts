import type { ImageAnalysis, VisualEntity } from '../../domain/entity.js';
import { gridSide, type Box } from '../../domain/image.js';
import type { ModelBundle } from '../bundle.js';
import type { Session, TensorData } from '../../onnx/session.js';
import { rowOf } from '../../onnx/tensors.js';

/**
 * Names what images show, and describes their regions.
 *
 * @param images each `size * size * 3` bytes, 8-bit RGB, rows first
 * @throws RangeError when an image has another size
 */
export type ImageModel = (images: readonly Uint8Array[]) => Promise<readonly Omit<ImageAnalysis, 'model'>[]>;

const regionCount = gridSide * gridSide;

/** @param bucketSize images that go through the model together: its memory grows with them */
export function createImageModel(bundle: ModelBundle, model: Session, bucketSize: number): ImageModel {
  const { classes: file, size, maxEntities, minScore } = bundle.manifest.image;
  const names = bundle.lines(file);
  async function analyzeBucket(images: readonly Uint8Array[]) {
    const { classes, scores, maps, regions } = await model.run(imageTensors(images, size), {
      classes: 'int64',
      scores: 'float32',
      maps: 'float32',
      regions: 'float32',
    });
    return images.map((_, row) => ({
      entities: Array.from({ length: maxEntities }, (_, rank): Required<VisualEntity> => {
        const at = row * maxEntities + rank;
        return {
          label: names[Number(classes[at])] ?? '',
          score: scores[at] ?? 0,
          box: boxAround(rowOf(maps, at, regionCount)),
        };
      }).filter(({ score }) => score >= minScore),
      // A copy of its own: a view that is sent to another thread takes the whole batch's array along.
      regions: new Float32Array(rowOf(regions, row, regions.length / images.length)),
    }));
  }

  return async (images) => {
    const analyses: Omit<ImageAnalysis, 'model'>[] = [];
    for (let from = 0; from < images.length; from += bucketSize)
      analyses.push(...(await analyzeBucket(images.slice(from, from + bucketSize))));
    return analyses;
  };
}

/**
 * The box around the regions that speak strongly for a class: from half-way between the weakest and the strongest of its
 * class activation map on (after Zhou et al., CVPR 2016, who took a fifth of the strongest).
 */
export function boxAround(map: Float32Array): Box {
  const [weakest, strongest] = [Math.min(...map), Math.max(...map)];
  const strong = [...map.keys()].filter((at) => (map[at] ?? 0) >= (weakest + strongest) / 2);
  const rows = strong.map((at) => Math.floor(at / gridSide));
  const columns = strong.map((at) => at % gridSide);
  const [left, top] = [Math.min(...columns), Math.min(...rows)];
  const [right, bottom] = [Math.max(...columns) + 1, Math.max(...rows) + 1];
  return [left / gridSide, top / gridSide, right / gridSide, bottom / gridSide];
}

/** Joins images into one uint8 tensor of shape `[images, size, size, 3]`. */
export function imageTensors(images: readonly Uint8Array[], size: number): Record<string, TensorData> {
  const bytes = size * size * 3;
  const data = new Uint8Array(images.length * bytes);
  images.forEach((image, row) => {
    if (image.length !== bytes)
      throw new RangeError(`an image has ${image.length} bytes, not ${size} x ${size} x 3`);
    data.set(image, row * bytes);
  });
  return { pixels: { type: 'uint8', data, shape: [images.length, size, size, 3] } };
}
