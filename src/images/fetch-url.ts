import { lookup } from 'node:dns/promises';
import { request, type Dispatcher } from 'undici';
import { absent, type AbsentImage } from '../domain/image.js';
import { parseAllowed, refuseUrl } from './image-address.js';
import { createHostGuard, type Health, type HostLimits } from './host-guard.js';
import { BlockedAddressError, createImageAgent, type ResolveHost } from './image-agent.js';
import { acceptFile, tooLarge, type FetchedImage } from './image-file.js';

const acceptedTypes = 'image/webp,image/jpeg,image/png,image/gif,*/*;q=0.1';
const maxRedirects = 3;
/** Bytes of an unwanted body that are read so that its connection can serve another request. */
const discardedBytes = 16_384;

export interface UrlFetcherOptions extends HostLimits {
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
   * Brings an image file into memory from an http(s) URL, over at most three redirects. Each host on the way is asked
   * only as often as its limits allow.
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
  const hosts = createHostGuard(options);
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
      const answer = await hosts.run(url.host, signal, () => ask(url, signal));
      if (answer === undefined)
        return absent('circuit_open', `${url.host} fails: it is left alone for a while`);
      if ('error' in answer) throw answer.error;
      if (typeof answer.given !== 'string') return answer.given;
      target = answer.given;
      base = url.href;
    }
    return absent('unreachable', `more than ${maxRedirects} redirects`);
  }

  /** One request, and what it tells of its host. */
  async function ask(url: URL, signal: AbortSignal): Promise<Answer> {
    const start = performance.now();
    // Slow is as bad as broken. Whoever was left little time, by other hosts before it, is not to blame for being late.
    const slow = () => performance.now() - start > timeoutMs / 2;
    try {
      const response = await request(url, { dispatcher: agent, headers, signal });
      const { statusCode } = response;
      const location = response.headers['location'];
      let given: FetchedImage | AbsentImage | string;
      if (isRedirect(statusCode) && typeof location === 'string') {
        await response.body.dump({ limit: discardedBytes, signal });
        given = location;
      } else {
        given = await readResponse(response, url.host, signal);
      }
      return { given, health: statusCode >= 500 || statusCode === 429 || slow() ? 'failing' : 'well' };
    } catch (error) {
      const blameless = error instanceof BlockedAddressError || (signal.aborted && !slow());
      return { error, health: blameless ? 'unknown' : 'failing' };
    }
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

/** What a server gave: a file, or why there is none, or where to go for it. */
type Answer = { readonly health: Health } & (
  { readonly given: FetchedImage | AbsentImage | string } | { readonly error: unknown }
);

function isRedirect(statusCode: number): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode);
}
