import { absent, type AbsentImage } from '../domain/image.js';
import type { ImageRef } from '../domain/post.js';
import { createUrlFetcher, type UrlFetcherOptions } from './fetch-url.js';
import { BlockedAddressError } from './image-agent.js';
import { readDataUri, readImageFile, type FetchedImage } from './image-file.js';

export interface ImageFetcherOptions extends UrlFetcherOptions {
  /** How long the whole fetch may take, redirects included. */
  readonly timeoutMs: number;
  /** Where given, references that are no URLs are paths, relative to this folder and within it. */
  readonly localFiles?: { readonly baseDir: string };
}

export interface ImageFetcher {
  /**
   * Brings an image file into memory: from an http(s) URL, a `data:` URI or, where that is allowed, a path.
   *
   * @returns the bytes of a JPEG, PNG, WebP or GIF file, not decoded yet; or absent, as `unreachable`,
   * `timed_out`, `too_large`, `not_an_image`, `blocked_address` or `circuit_open`, with a detail for people. It never rejects.
   */
  fetch(ref: ImageRef): Promise<FetchedImage | AbsentImage>;

  /** Waits for the fetches under way and closes all connections. */
  close(): Promise<void>;
}

/** @throws Error where an entry of `allow` is malformed. */
export function createImageFetcher(options: ImageFetcherOptions): ImageFetcher {
  const { timeoutMs, maxBytes, localFiles } = options;
  const urls = createUrlFetcher(options);

  return {
    async fetch(ref) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), timeoutMs);
      try {
        return await fetchAny(ref.trim(), controller.signal);
      } catch (error) {
        return explain(error, controller.signal.aborted);
      } finally {
        clearTimeout(timer);
      }
    },
    close: urls.close,
  };

  async function fetchAny(ref: string, signal: AbortSignal): Promise<FetchedImage | AbsentImage> {
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(ref)?.[1]?.toLowerCase();
    if (scheme === 'data') return readDataUri(ref, maxBytes);
    if (scheme !== undefined) return urls.fetch(ref, signal);
    if (localFiles !== undefined) {
      return Promise.race([
        readImageFile(ref, localFiles.baseDir, maxBytes, signal),
        rejectionOnAbort(signal),
      ]);
    }
    return absent('blocked_address', 'only http and https URLs and data URIs are fetched');
  }

  function explain(error: unknown, outOfTime: boolean): AbsentImage {
    if (error instanceof BlockedAddressError) return absent('blocked_address', error.message);
    const { name, code = name, message } = error as NodeJS.ErrnoException;
    if (outOfTime || timeouts.has(code)) return absent('timed_out', `not there within ${timeoutMs} ms`);
    return absent('unreachable', message === '' ? code : message);
  }
}

/** Rejects when the signal is aborted: a read that blocks, as from a network drive that is gone, cannot be aborted. */
function rejectionOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/** Node's and undici's codes for a connection, headers or the next bytes that took too long. */
const timeouts: ReadonlySet<unknown> = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
