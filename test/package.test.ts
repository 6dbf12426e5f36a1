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

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));

it('The lock file holds a hash of every package, and names no place to fetch it from', () => {
  const { packages } = readJson('package-lock.json') as {
    packages: Record<string, { readonly integrity?: string; readonly resolved?: string }>;
  };
  const locked = Object.entries(packages).filter(([path]) => path !== '');
  expect(locked.length).toBeGreaterThan(100);
  expect(
    locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path),
  ).toEqual([]);
  expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});

it('Of the packages that would run a script when they are installed each is decided upon, and one may', () => {
  const { packages } = readJson('package-lock.json') as {
    packages: Record<string, { readonly hasInstallScript?: boolean }>;
  };
  const scripted = Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  const { allowScripts } = readJson('package.json') as { allowScripts: Record<string, boolean> };
  expect(Object.keys(allowScripts).sort()).toEqual([...new Set(scripted)].sort());
  const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name]);
  expect(allowed).toEqual(['zstd-napi']);
  expect(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')).toContain(
    `npm ci --ignore-scripts && npm rebuild ${allowed.join(' ')}\n`,
  );
});

it('The container runs as a user that is not root, and nothing after that makes it one', () => {
  const users = [...readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').matchAll(/^USER (.+)$/gm)];
  expect(users.map(([, user]) => user)).toEqual(['1000:1000']);
});
