import type { ImageEncoding, Sight } from '../domain/entity.js';
import { boxWithin, type DecodedImage, type Image } from '../domain/image.js';
import type { Post } from '../domain/post.js';

/**
 * Looks at a post's image. Names that an upstream service gave stand in for what the image encoder would find. An image
 * that comes again from the cache is not encoded again, as long as anyone holds it.
 */
export function createImageLooker(
  encodeImage: (image: DecodedImage) => Promise<ImageEncoding>,
): (post: Post, image: Image) => Promise<Sight> {
  const encoded = new WeakMap<DecodedImage, Promise<ImageEncoding>>();

  function encodeOnce(image: DecodedImage): Promise<ImageEncoding> {
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
    if (given !== undefined) return { image, entities: given.map((label) => ({ label })) };
    if (image.kind === 'absent') return { image, entities: [] };
    const { entities, regions } = await encodeOnce(image);
    return {
      image,
      regions,
      // The encoder sees the part of the photo that was cut out.
      entities: entities.map(({ box, ...entity }) =>
        box === undefined ? entity : { ...entity, box: boxWithin(image.view, box) },
      ),
    };
  };
}
