import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

/** The page's files, which stand as they are served: the same path from `src/web` and from `dist/web`. */
const folder = new URL('../../assets/page/', import.meta.url);

/** Where uPlot lies, which draws the charts. Its package has the files for browsers beside the one for Node. */
const uplotFolder = dirname(createRequire(import.meta.url).resolve('uplot'));

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

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
  const own = readdirSync(folder).map((name) =>
    fileAt(name === 'index.html' ? '/' : `/${name}`, new URL(name, folder)),
  );
  return [
    ...own,
    fileAt('/uplot.js', join(uplotFolder, 'uPlot.iife.min.js')),
    fileAt('/uplot.css', join(uplotFolder, 'uPlot.min.css')),
  ];
}

function fileAt(path: string, place: string | URL): PageFile {
  const contentType = contentTypes[extname(place.toString())];
  if (contentType === undefined) throw new Error(`the page cannot serve ${place.toString()}`);
  return { path, contentType, body: readFileSync(place) };
}
