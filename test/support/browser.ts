import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The system's own Chromium or Chrome; `CHROMIUM` can name another. Why there is none, otherwise. */
export function findBrowser(): { readonly path: string } | { readonly reason: string } {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const path = [
    process.env['CHROMIUM'] ?? '',
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
  ].find((candidate) => candidate !== '' && existsSync(candidate));
  return path === undefined
    ? { reason: `there is no browser: ${names.join(', ')} are not on the PATH (CHROMIUM can name one)` }
    : { path };
}

/** @param names host names that lead to this machine, whatever a name server says */
export function startBrowser(path: string, hostNames: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    args: [`--host-resolver-rules=${hostNames.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`],
    // Chromium's own sandbox wants user namespaces, which containers often lack; what it shows here is ours.
    chromiumSandbox: false,
  });
}
