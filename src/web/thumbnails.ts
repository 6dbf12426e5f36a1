import type { DecodedImage } from '../domain/image.js';
import type { RecentPosts } from './recent-posts.js';

/** How many encoded thumbnails are kept. */
const capacity = 64;

/** Encodes a photo as a small JPEG. */
export type EncodeThumbnail = (image: DecodedImage) => Promise<Buffer>;

/** Thumbnails of the recent posts' photos, encoded when first asked for. */
export interface Thumbnails {
  /** @returns `undefined` where the post is forgotten or had no photo. */
  get(key: number): Promise<Buffer> | undefined;
}

export function createThumbnails(recentPosts: RecentPosts, encode: EncodeThumbnail): Thumbnails {
  const encoded = new Map<number, Promise<Buffer>>();

  return {
    get(key) {
      const photo = recentPosts.photo(key);
      if (photo === undefined) return undefined;
      const known = encoded.get(key);
      if (known !== undefined) return known;

      const thumbnail = encode(photo);
      encoded.set(key, thumbnail);
      if (encoded.size > capacity) encoded.delete(oldest(encoded));
      return thumbnail;
    },
  };
}

function oldest(encoded: ReadonlyMap<number, unknown>): number {
  return Math.min(...encoded.keys());
}
