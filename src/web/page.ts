import { readFileSync } from 'node:fs';

/** The page's files, which stand as they are served: the same path from `src/web` and from `dist/web`. */
const folder = new URL('../../assets/page/', import.meta.url);

const files = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
] as const;

/** A file of the live page. */
export interface PageFile {
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * What the browser may do with the page: load its own files from here and nothing else. Posts are strangers'
 * text, so even a mistake in the page must not let them run or fetch anything.
 */
export const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
} as const;

/** Reads the page into memory: served pages cost no file access, and a broken installation shows at the start. */
export function loadPage(): readonly PageFile[] {
  return files.map(([path, name, contentType]) => ({
    path,
    contentType,
    body: readFileSync(new URL(name, folder)),
  }));
}
