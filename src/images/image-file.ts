import { absent, type AbsentImage } from '../domain/image.js';
import { detectImageFormat } from './image-format.js';

/** Bytes that begin as an image file does. */
export interface FetchedImage {
  readonly kind: 'fetched';
  readonly bytes: Uint8Array;
}

/** Bytes as an image file, unless they are more than allowed or begin as none does. */
export function acceptFile(bytes: Uint8Array, maxBytes: number): FetchedImage | AbsentImage {
  if (bytes.length > maxBytes) return tooLarge(bytes.length, maxBytes);
  if (detectImageFormat(bytes) !== undefined) return { kind: 'fetched', bytes };
  return absent('not_an_image', `${bytes.length} bytes that are no JPEG, PNG, WebP or GIF file`);
}

export function tooLarge(bytes: number, maxBytes: number): AbsentImage {
  return absent('too_large', `${bytes} bytes or more, where ${maxBytes} are allowed`);
}
