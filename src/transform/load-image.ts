import { absent, type AbsentImage, type Image } from '../domain/image.js';
import type { ImageRef, Post } from '../domain/post.js';

/** Of a post's images so many are looked at. */
const imagesLookedAt = 4;

/**
 * Chooses a post's image: the first of its first four that can be had. Where none can, it says why the
 * first could not. Where an upstream service gave the visual entities, the image is not fetched at all.
 *
 * @param load brings one image into memory
 */
export function createImageLoader(load: (ref: ImageRef) => Promise<Image>): (post: Post) => Promise<Image> {
  return async (post) => {
    if (post.images.length === 0) return { kind: 'absent', reason: 'none' };
    if (post.enrichment?.entities !== undefined) {
      return absent('given', 'the post came with its visual entities');
    }
    const failures: AbsentImage[] = [];
    for (const ref of post.images.slice(0, imagesLookedAt)) {
      const image = await load(ref);
      if (image.kind === 'decoded') return image;
      failures.push(image);
    }
    return failures[0] ?? { kind: 'absent', reason: 'none' };
  };
}
