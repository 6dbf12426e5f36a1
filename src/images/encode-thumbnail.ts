import type { DecodedImage } from '../domain/image.js';
import { sharp } from './libvips.js';

/** A decoded image as a small JPEG file, for the live page. */
export function encodeThumbnail({ pixels, width, height }: DecodedImage): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 75 })
    .toBuffer();
}
