import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

export interface GateOptions {
  /** The address that is listened on. */
  readonly host: string;
  /** Names the page is called by, beside IP addresses, "localhost" and `host`. */
  readonly hosts: readonly string[];
  /** What a visitor has to know; where there is none, whoever can reach the page may see it. */
  readonly token?: string | undefined;
}

/** Why a request is refused, for the one who made it. */
export interface Refusal {
  readonly code: 401 | 403;
  readonly error: string;
}

/**
 * Lets requests through to the live page and its data, or says why not. A page of another site in a visitor's browser
 * must not come in, be it by a name of its own that it lets resolve to this machine (DNS rebinding) or by using what
 * the browser knows of the page.
 */
export function createGate({
  host,
  hosts,
  token,
}: GateOptions): (headers: IncomingHttpHeaders, method?: string) => Refusal | undefined {
  const names = new Set(['localhost', host, ...hosts].map((name) => name.toLowerCase()));
  const expected = token === undefined ? undefined : hashOf(token);

  return (headers, method = 'GET') => {
    const name = nameIn(headers.host ?? '');
    if (name === undefined || (isIP(name) === 0 && !names.has(name))) {
      return { code: 403, error: `this page is not called ${name ?? 'that'}: name it in web.hosts` };
    }
    const { 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode } = headers;
    const reads = ['GET', 'HEAD'].includes(method);
    // A link may lead here from anywhere. A form that is sent here from elsewhere navigates as well.
    const isLink = reads && mode === 'navigate';
    const foreign =
      !reads && headers.origin !== undefined && hostIn(headers.origin) !== headers.host?.toLowerCase();
    if (foreign || (['cross-site', 'same-site'].includes(site) && !isLink)) {
      return { code: 403, error: 'another page may not use this one' };
    }
    if (expected !== undefined && !timingSafeEqual(hashOf(tokenIn(headers.authorization ?? '')), expected)) {
      return { code: 401, error: 'give web.token as bearer token, or as the password of any user' };
    }
    return undefined;
  };
}

/** The host of a Host header, without its port, lower case; `undefined` where it is malformed. */
function nameIn(header: string): string | undefined {
  if (!/^[^/?#@\\\s]+$/.test(header) || !URL.canParse(`http://${header}`)) return undefined;
  return new URL(`http://${header}`).hostname.replace(/^\[|\]$|\.$/g, '');
}

/** The host of an Origin header with its port, as a Host header has it; `undefined` where there is none. */
function hostIn(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** The token of an Authorization header: a program sends it as it is, a browser as a password it has asked for. */
function tokenIn(header: string): string {
  const [, scheme = '', given = ''] = /^(bearer|basic) +(.*)$/i.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'basic') return given;
  return /^[^:]*:(.*)$/s.exec(Buffer.from(given, 'base64').toString())?.[1] ?? '';
}

/** Hashes have one length, and tell nothing of how far two tokens agree. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether an address to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
