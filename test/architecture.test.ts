import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** Longer than this, a file holds two things. */
const maxLines = 250;

const root = fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');

/** The walls: each room with the rooms it may import, each package with the places that may import it. */
const { rooms, packages } = JSON.parse(readFileSync(join(root, 'test/walls.json'), 'utf8')) as {
  readonly rooms: Readonly<Record<string, readonly string[]>>;
  readonly packages: Readonly<Record<string, readonly string[]>>;
};

/** A source file: its path in src without extension, and what it imports, as written. */
interface Module {
  readonly name: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const modules: readonly Module[] = filesIn(src)
  .filter((path) => extname(path) === '.ts')
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
    return { name: relative(src, path).slice(0, -extname(path).length), text, imports };
  });

describe('the walls', () => {
  it('know every room', () => {
    expect(new Set(modules.map(({ name }) => roomOf(name)))).toEqual(new Set(Object.keys(rooms)));
  });

  it('let each room import only from the rooms that are open to it', () => {
    const wrong = modules.flatMap(({ name, imports }) => {
      const room = roomOf(name);
      const open = [room, ...(rooms[room] ?? [])];
      return imports
        .filter((specifier) => isOwn(specifier) && !open.includes(roomOf(resolve(name, specifier))))
        .map((specifier) => `${name} imports ${specifier}`);
    });
    expect(wrong).toEqual([]);
  });

  it('let each package be imported only in its places', () => {
    const wrong = modules.flatMap(({ name, imports }) =>
      imports
        .filter((specifier) => !isOwn(specifier) && !mayImport(name, packageOf(specifier)))
        .map((specifier) => `${name} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('name each dependency of package.json, and no other package', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const named = Object.keys(packages).filter((name) => !name.startsWith('node:'));
    expect(named.sort()).toEqual(Object.keys(dependencies).sort());
  });

  it('open no room to another that imports nothing from it', () => {
    const unused = Object.entries(rooms).flatMap(([room, open]) => {
      const imported = modules
        .filter(({ name }) => roomOf(name) === room)
        .flatMap(({ name, imports }) => imports.filter(isOwn).map((s) => roomOf(resolve(name, s))));
      return open.filter((other) => !imported.includes(other)).map((other) => `${other} in ${room}`);
    });
    expect(unused).toEqual([]);
  });

  it('have no place in their table that no longer imports its package', () => {
    const unused = Object.entries(packages).flatMap(([dependency, places]) =>
      places
        .filter(
          (place) =>
            !modules.some(
              ({ name, imports }) => isWithin(name, place) && imports.map(packageOf).includes(dependency),
            ),
        )
        .map((place) => `${dependency} in ${place}`),
    );
    expect(unused).toEqual([]);
  });
});

describe('the source', () => {
  it('imports in no circle', () => {
    expect(findCircle()).toBeUndefined();
  });

  it('imports only files that are there', () => {
    const names = new Set(modules.map(({ name }) => name));
    const missing = modules.flatMap(({ name, imports }) =>
      imports.filter(isOwn).flatMap((specifier) => {
        const target = resolve(name, specifier);
        return names.has(target) ? [] : [`${name} → ${target}`];
      }),
    );
    expect(missing).toEqual([]);
  });

  it('keeps each file to a length that can be read', () => {
    const long = modules.map(({ name, text }) => ({ name, lines: text.split('\n').length }));
    expect(long.filter(({ lines }) => lines > maxLines)).toEqual([]);
  });

  it('has no file that gathers what belongs nowhere', () => {
    const gathering = modules.filter(({ name }) =>
      /^(utils?|common|helpers?|misc|index)$/.test(basename(name)),
    );
    expect(gathering.map(({ name }) => name)).toEqual([]);
  });

  it('has no file that only hands on what others export', () => {
    const barrels = modules.filter(({ text }) => /^export \* from/m.test(text));
    expect(barrels.map(({ name }) => name)).toEqual([]);
  });
});

describe('the tests', () => {
  it('of a room mirror its files', () => {
    const stray = filesIn(join(root, 'test'))
      .map((path) => relative(join(root, 'test'), path))
      .filter((path) => path.endsWith('.test.ts') && dirname(path) in rooms)
      .filter((path) => !existsSync(join(src, path.replace(/(\.\w+)?\.test\.ts$/, '.ts'))));
    expect(stray).toEqual([]);
  });
});

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The folder in src, or the file's own name where it stands in src itself. */
function roomOf(name: string): string {
  return name.split('/')[0] ?? name;
}

function isOwn(specifier: string): boolean {
  return specifier.startsWith('.');
}

/** The module an import of an own file means. */
function resolve(from: string, specifier: string): string {
  return join(dirname(from), specifier).replace(/\.js$/, '');
}

/** The package of an import, without the path within it; a `node:` module as it is. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function mayImport(name: string, dependency: string): boolean {
  const places = packages[dependency];
  // Node's own modules are open to all but `domain`, except those that have their place.
  if (places === undefined) return dependency.startsWith('node:') && roomOf(name) !== 'domain';
  return places.some((place) => isWithin(name, place));
}

function isWithin(name: string, place: string): boolean {
  return name === place || name.startsWith(`${place}/`);
}

/** Walks all imports in depth; types count too, since a circle of types is two files that are one. */
function findCircle(): readonly string[] | undefined {
  const importsOf = new Map(
    modules.map(({ name, imports }) => [name, imports.filter(isOwn).map((s) => resolve(name, s))]),
  );
  const done = new Set<string>();

  function walk(name: string, path: readonly string[]): readonly string[] | undefined {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of importsOf.get(name) ?? []) {
      const circle = walk(next, [...path, name]);
      if (circle !== undefined) return circle;
    }
    done.add(name);
    return undefined;
  }

  for (const { name } of modules) {
    const circle = walk(name, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
