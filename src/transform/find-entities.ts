import type { VisualEntity } from '../domain/entity.js';
import type { DecodedImage, Image } from '../domain/image.js';
import type { Post } from '../domain/post.js';

/**
 * Names what an image shows: those an upstream service gave, else those the image encoder finds. An image that comes
 * again from the cache is not encoded again, as long as anyone holds it.
 */
export function createEntityFinder(
  encodeImage: (image: DecodedImage) => Promise<{ readonly entities: readonly VisualEntity[] }>,
): (post: Post, image: Image) => Promise<readonly VisualEntity[]> {
  const encoded = new WeakMap<DecodedImage, ReturnType<typeof encodeImage>>();

  function encodeOnce(image: DecodedImage): ReturnType<typeof encodeImage> {
    const known = encoded.get(image);
    if (known !== undefined) return known;
    const encoding = encodeImage(image);
    encoded.set(image, encoding);
    // The model failed, not the image: another time it may run.
    encoding.catch(() => encoded.delete(image));
    return encoding;
  }

  return async (post, image) => {
    const given = post.enrichment?.entities;
    if (given !== undefined) return given.map((label) => ({ label }));
    return image.kind === 'decoded' ? (await encodeOnce(image)).entities : [];
  };
}
