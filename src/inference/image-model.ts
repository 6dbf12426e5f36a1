import type { ImageEncoding, VisualEntity } from '../domain/entity.js';
import { gridSide, type Box } from '../domain/image.js';
import type { ModelBundle } from './model-bundle.js';
import type { Session } from './session.js';
import { imageTensors, rowOf } from './tensors.js';

/**
 * Names what images show, and describes their regions.
 *
 * @param images each `size * size * 3` bytes, 8-bit RGB, rows first
 * @throws RangeError when an image has another size
 */
export type ImageModel = (images: readonly Uint8Array[]) => Promise<readonly ImageEncoding[]>;

const regionCount = gridSide * gridSide;

export function createImageModel(bundle: ModelBundle, model: Session): ImageModel {
  const { classes: file, size, maxEntities, minScore } = bundle.manifest.image;
  const names = bundle.lines(file);
  return async (images) => {
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
