import { lookup } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fetch, request, type Dispatcher } from 'undici';
import type { AbsentImage } from '../domain/image.js';
import type { ImageRef } from '../domain/post.js';
import { parseAllowed, refuseUrl } from './image-address.js';
import { BlockedAddressError, createImageAgent, type ResolveHost } from './image-agent.js';
import { detectImageFormat } from './image-format.js';
import type { FetchedImage } from './load-image.js';

const acceptedTypes = 'image/webp,image/jpeg,image/png,image/gif,*/*;q=0.1';
const maxRedirects = 3;
/** Bytes of an unwanted body that are read so that its connection can serve another request. */
const discardedBytes = 16_384;

export interface ImageFetcherOptions {
  /** Addresses and ranges that may be fetched from though they are not public; see `parseAllowed`. */
  readonly allow: readonly string[];
  /** How long the whole fetch may take, redirects included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** The value of the User-Agent header. */
  readonly userAgent: string;
  /** Where given, references that are no URLs are paths, relative to this folder. */
  readonly localFiles?: { readonly baseDir: string };
  /** How host names are resolved: as the operating system does it unless given. */
  readonly resolveHost?: ResolveHost;
}

export interface ImageFetcher {
  /**
   * Brings an image file into memory: from an http(s) URL, a `data:` URI or, where that is allowed, a path.
   *
   * @returns the bytes of a JPEG, PNG, WebP or GIF file, not decoded yet; or absent, as `unreachable`,
   * `timed_out`, `too_large`, `not_an_image` or `blocked_address`, with a detail for people.
   * @throws only the signal's reason, when the caller aborts.
   */
  fetch(ref: ImageRef, signal?: AbortSignal): Promise<FetchedImage | AbsentImage>;

  /** Waits for the fetches under way and closes all connections. */
  close(): Promise<void>;
}

/** @throws Error where an entry of `allow` is malformed. */
export function createImageFetcher(options: ImageFetcherOptions): ImageFetcher {
  const { timeoutMs, maxBytes, userAgent, localFiles } = options;
  const allowed = options.allow.map(parseAllowed);
  const resolveHost = options.resolveHost ?? ((hostname) => lookup(hostname, { all: true }));
  const agent = createImageAgent({ allowed, timeoutMs, resolveHost });
  const headers = { 'user-agent': userAgent, accept: acceptedTypes, 'accept-encoding': 'identity' };

  return {
    async fetch(ref, signal) {
      signal?.throwIfAborted();
      const controller = new AbortController();
      const abort = () => controller.abort(signal?.reason);
      signal?.addEventListener('abort', abort);
      const timer = setTimeout(() => controller.abort(), timeoutMs);
      try {
        return await fetchAny(ref.trim(), controller.signal);
      } catch (error) {
        signal?.throwIfAborted();
        return explain(error, controller.signal.aborted);
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      }
    },
    close: () => agent.close(),
  };

  function fetchAny(ref: string, signal: AbortSignal): Promise<FetchedImage | AbsentImage> {
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(ref)?.[1]?.toLowerCase();
    if (scheme === undefined) return readPath(ref, signal);
    return scheme === 'data' ? readDataUri(ref) : fetchUrl(ref, signal);
  }

  async function fetchUrl(ref: string, signal: AbortSignal): Promise<FetchedImage | AbsentImage> {
    let target = ref;
    let base: string | undefined;
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      if (!URL.canParse(target, base)) return absent('unreachable', 'the URL is malformed');
      const url = new URL(target, base);
      const refusal = refuseUrl(url, allowed);
      if (refusal !== undefined) return absent('blocked_address', refusal);
      const response = await request(url, { dispatcher: agent, headers, signal });
      const location = response.headers['location'];
      if (!isRedirect(response.statusCode) || typeof location !== 'string') {
        return readResponse(response, url.host, signal);
      }
      await response.body.dump({ limit: discardedBytes, signal });
      target = location;
      base = url.href;
    }
    return absent('unreachable', `more than ${maxRedirects} redirects`);
  }

  async function readResponse(
    { statusCode, headers, body }: Dispatcher.ResponseData,
    host: string,
    signal: AbortSignal,
  ): Promise<FetchedImage | AbsentImage> {
    if (statusCode < 200 || statusCode > 299) {
      await body.dump({ limit: discardedBytes, signal });
      return absent('unreachable', `${host} answered ${statusCode}`);
    }
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > maxBytes) {
      await body.dump({ limit: discardedBytes, signal });
      return tooLarge(announced);
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) return tooLarge(length);
    }
    return accept(Buffer.concat(chunks));
  }

  async function readDataUri(uri: string): Promise<FetchedImage | AbsentImage> {
    // Three characters a byte is the longest spelling there is: what is longer need not be decoded.
    if (uri.length > 3 * maxBytes) return tooLarge(Math.floor(uri.length / 3));
    // Without a connection: the Fetch Standard's rules for data URIs, in both of their encodings.
    const response = await fetch(uri).catch(() => undefined);
    if (response === undefined) return absent('not_an_image', 'the data URI is malformed');
    return accept(await response.bytes());
  }

  async function readPath(path: string, signal: AbortSignal): Promise<FetchedImage | AbsentImage> {
    if (localFiles === undefined) {
      return absent('blocked_address', 'only http and https URLs and data URIs are fetched');
    }
    const file = resolve(localFiles.baseDir, path);
    const stats = await stat(file);
    if (!stats.isFile()) return absent('not_an_image', `${path} is not a file`);
    if (stats.size > maxBytes) return tooLarge(stats.size);
    return accept(await readFile(file, { signal }));
  }

  function accept(bytes: Uint8Array): FetchedImage | AbsentImage {
    if (bytes.length > maxBytes) return tooLarge(bytes.length);
    if (detectImageFormat(bytes) !== undefined) return { kind: 'fetched', bytes };
    return absent('not_an_image', `${bytes.length} bytes that are no JPEG, PNG, WebP or GIF file`);
  }

  function tooLarge(bytes: number): AbsentImage {
    return absent('too_large', `${bytes} bytes or more, where ${maxBytes} are allowed`);
  }

  function explain(error: unknown, outOfTime: boolean): AbsentImage {
    if (error instanceof BlockedAddressError) return absent('blocked_address', error.message);
    const { name, code = name, message } = error as NodeJS.ErrnoException;
    if (outOfTime || timeouts.has(code)) return absent('timed_out', `not there within ${timeoutMs} ms`);
    return absent('unreachable', message === '' ? code : message);
  }
}

/** Node's and undici's codes for a connection, headers or the next bytes that took too long. */
const timeouts: ReadonlySet<unknown> = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

function isRedirect(statusCode: number): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode);
}

function absent(reason: AbsentImage['reason'], detail: string): AbsentImage {
  return { kind: 'absent', reason, detail };
}
