import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the model that is shipped. */
export const shippedBundle = fileURLToPath(new URL('../../models/bundle', import.meta.url));

/** A bundle of a test's own, of the shipped model's files. */
export interface BundleCopy {
  readonly path: string;
  /** Takes its manifest away, so that nobody can open it any more. */
  spoil(): void;
  remove(): void;
}

/** @param version what the copy says of itself */
export function copyBundle(version: string): BundleCopy {
  const path = mkdtempSync(join(tmpdir(), 'tagstream-bundle-'));
  const manifest = 'manifest.json';
  for (const name of readdirSync(shippedBundle))
    if (name !== manifest) symlinkSync(join(shippedBundle, name), join(path, name));
  const shipped = JSON.parse(readFileSync(join(shippedBundle, manifest), 'utf8')) as object;
  writeFileSync(join(path, manifest), JSON.stringify({ ...shipped, version }));
  return {
    path,
    spoil: () => unlinkSync(join(path, manifest)),
    remove: () => rmSync(path, { recursive: true }),
  };
}
