import type { VisualEntity } from '../domain/entity.js';
import type { DecodedImage, Image } from '../domain/image.js';
import type { Post } from '../domain/post.js';

/** Names what an image shows: those an upstream service gave, else those the image encoder finds. */
export function createEntityFinder(
  encodeImage: (image: DecodedImage) => Promise<{ readonly entities: readonly VisualEntity[] }>,
): (post: Post, image: Image) => Promise<readonly VisualEntity[]> {
  return async (post, image) => {
    const given = post.enrichment?.entities;
    if (given !== undefined) return given.map((label) => ({ label }));
    return image.kind === 'decoded' ? (await encodeImage(image)).entities : [];
  };
}
