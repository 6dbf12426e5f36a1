import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files of a folder and of those in it; a file by itself. Paths are the repository's. */
function filesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [relative(root, path)];
  return readdirSync(path).flatMap((name) => filesAt(join(path, name)));
}

it('The package holds every file that its code reads', () => {
  const sources = filesAt(join(root, 'src'));
  const read = sources.flatMap((source) => {
    // From `dist` the same paths lead to the same places.
    const base = new URL(source, `file://${root}`);
    const text = readFileSync(base, 'utf8');
    return [...text.matchAll(/new URL\('([^']+)', import\.meta\.url\)/g)].map(([, path = '']) =>
      fileURLToPath(new URL(path, base)),
    );
  });
  expect(read.map((path) => relative(root, path).split('/')[0])).toEqual(
    expect.arrayContaining(['assets', 'dist', 'models', 'package.json']),
  );
  const answer = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(answer) as [{ files: readonly { readonly path: string }[] }];
  const packed = new Set(files.map(({ path }) => path));
  const compiled = sources.map((source) => source.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js'));

  expect([...read.flatMap(filesAt), ...compiled].filter((file) => !packed.has(file))).toEqual([]);
});
