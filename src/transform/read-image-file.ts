import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { absent, type AbsentImage } from '../domain/image.js';
import { acceptFile, tooLarge, type FetchedImage } from './image-file.js';

/**
 * Reads an image file by its path, relative to a folder and within it: a file of posts can be a stranger's, and has no
 * say over what else lies on this machine.
 *
 * @throws NodeJS.ErrnoException where it is not there or may not be read
 */
export async function readImageFile(
  path: string,
  folder: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FetchedImage | AbsentImage> {
  const file = resolve(folder, path);
  const within = relative(resolve(folder), file);
  if (within.split(/[\\/]/)[0] === '..' || isAbsolute(within)) {
    return absent('blocked_address', `${path} leads out of the posts' folder`);
  }
  const stats = await stat(file);
  if (!stats.isFile()) return absent('not_an_image', `${path} is not a file`);
  if (stats.size > maxBytes) return tooLarge(stats.size, maxBytes);
  return acceptFile(await readFile(file, { signal }), maxBytes);
}
