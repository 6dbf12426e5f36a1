import { absent, type Image } from '../domain/image.js';
import type { ImageRef, Post } from '../domain/post.js';

/** Of a post's images so many are looked at. */
const imagesLookedAt = 4;

/**
 * Loads a post's images, in their order, each or why it could not be had. Where an upstream service gave the visual
 * entities, no image is fetched at all.
 *
 * @param load brings one image into memory
 */
export function createImagesLoader(
  load: (ref: ImageRef) => Promise<Image>,
): (post: Post) => Promise<readonly Image[]> {
  return ({ images, enrichment }) => {
    if (images.length === 0) return Promise.resolve([{ kind: 'absent', reason: 'none' }]);
    if (enrichment?.entities !== undefined) {
      return Promise.resolve([absent('given', 'the post came with its visual entities')]);
    }
    return Promise.all(images.slice(0, imagesLookedAt).map(load));
  };
}
