import { fetch } from 'undici';
import { absent, type AbsentImage } from '../domain/image.js';
import { acceptFile, tooLarge, type FetchedImage } from './image-file.js';

/** Reads an image file from a `data:` URI, by the Fetch Standard's rules, in both of its encodings. */
export async function readDataUri(uri: string, maxBytes: number): Promise<FetchedImage | AbsentImage> {
  // Three characters a byte is the longest spelling there is: what is longer need not be decoded.
  if (uri.length > 3 * maxBytes) return tooLarge(Math.floor(uri.length / 3), maxBytes);
  // No connection is made for this scheme.
  const response = await fetch(uri).catch(() => undefined);
  if (response === undefined) return absent('not_an_image', 'the data URI is malformed');
  return acceptFile(await response.bytes(), maxBytes);
}
