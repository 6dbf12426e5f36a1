import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schema } from '../src/config-schema.js';
import { variableOf } from '../src/settings.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A row of the configuration table: key, default, variable. */
type Row = readonly [key: string, fallback: string, variable: string];

describe('README', () => {
  it('lists every setting there is, and no other, with its default and its variable', () => {
    const expected = rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
    expect(expected.length).toBeGreaterThan(0);
    expect(documentedRows().toSorted(byKey)).toEqual(expected.toSorted(byKey));
  });
});

describe('links in the documents', () => {
  it.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'models/training/README.md'])(
    'of %s lead to files',
    (file) => {
      const targets = [...read(file).matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => target);
      const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
      expect(relative.filter((target) => !existsSync(join(root, dirname(file), target)))).toEqual([]);
    },
  );
});

function rowsOf(node: z.core.JSONSchema._JSONSchema, path: readonly string[] = []): Row[] {
  if (typeof node === 'boolean') return [];
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, inner]) => rowsOf(inner, [...path, name]));
  }
  const key = path.join('.');
  // The bundle's default place is another one on each machine.
  const fallback = key === 'model.path' ? 'the bundled one' : textOf(node.default);
  return [[key, fallback, variableOf(path)]];
}

const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function documentedRows(): Row[] {
  const [, section = ''] = read('README.md').split('\n## Configuration\n');
  const [table = ''] = section.split('\n## ');
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, key = '', fallback = '', variable = ''] = line
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', ''));
      return [key, fallback, variable] as const;
    });
}

const byKey = ([one]: Row, [other]: Row): number => (one < other ? -1 : 1);
