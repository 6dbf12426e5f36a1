import { lookup } from 'node:dns/promises';
import { request, type Dispatcher } from 'undici';
import { absent, type AbsentImage } from '../domain/image.js';
import { parseAllowed, refuseUrl } from './image-address.js';
import { createImageAgent, type ResolveHost } from './image-agent.js';
import { acceptFile, tooLarge, type FetchedImage } from './image-file.js';

const acceptedTypes = 'image/webp,image/jpeg,image/png,image/gif,*/*;q=0.1';
const maxRedirects = 3;
/** Bytes of an unwanted body that are read so that its connection can serve another request. */
const discardedBytes = 16_384;

export interface UrlFetcherOptions {
  /** Addresses and ranges that may be fetched from though they are not public; see `parseAllowed`. */
  readonly allow: readonly string[];
  /** How long a connection may take, and a server to send headers or the next bytes. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** The value of the User-Agent header. */
  readonly userAgent: string;
  /** How host names are resolved: as the operating system does it unless given. */
  readonly resolveHost?: ResolveHost;
}

export interface UrlFetcher {
  /**
   * Brings an image file into memory from an http(s) URL, over at most three redirects.
   *
   * @throws BlockedAddressError where a host resolves to an address that may not be fetched from, and what a
   * connection fails with
   */
  fetch(url: string, signal: AbortSignal): Promise<FetchedImage | AbsentImage>;
  /** Waits for the fetches under way and closes all connections. */
  close(): Promise<void>;
}

/** @throws Error where an entry of `allow` is malformed. */
export function createUrlFetcher(options: UrlFetcherOptions): UrlFetcher {
  const { timeoutMs, maxBytes, userAgent } = options;
  const allowed = options.allow.map(parseAllowed);
  const resolveHost = options.resolveHost ?? ((hostname) => lookup(hostname, { all: true }));
  const agent = createImageAgent({ allowed, timeoutMs, resolveHost });
  const headers = { 'user-agent': userAgent, accept: acceptedTypes, 'accept-encoding': 'identity' };

  return { fetch: fetchUrl, close: () => agent.close() };

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
      return tooLarge(announced, maxBytes);
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) return tooLarge(length, maxBytes);
    }
    return acceptFile(Buffer.concat(chunks), maxBytes);
  }
}

function isRedirect(statusCode: number): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode);
}
