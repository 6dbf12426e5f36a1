import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schema } from '../src/config-schema.js';
import { exitCodes } from '../src/domain/errors.js';
import { imageAbsences } from '../src/domain/image.js';
import { rejections } from '../src/domain/outcome.js';
import { settingFlags } from '../src/flags.js';
import { variableOf } from '../src/settings.js';
import { tagstream } from './support/agent-process.js';
import { metricsPage } from './support/metrics-page.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A row of the configuration table: key, default, variable, flag. */
type Row = readonly [key: string, fallback: string, variable: string, flag: string];

describe('README', () => {
  it('lists every setting there is, and no other, with its default, its variable and its flag', () => {
    const expected = rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
    expect(expected.length).toBeGreaterThan(0);
    expect(documentedRows().toSorted(byKey)).toEqual(expected.toSorted(byKey));
  });

  it('lists every flag of every command, and no other', async () => {
    const settings = new Set(settingFlags.map(({ flag }) => flagName(flag)));
    for (const [command, documented] of documentedCommands()) {
      const { stdout } = await tagstream([command, '--help']);
      const own = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = '']) => flag);
      const notSettings = own.filter((flag) => !settings.has(flag) && !['--config', '--help'].includes(flag));
      const missing = notSettings.filter((flag) => !documented.includes(flag));
      const wrong = documented.filter((flag) => !own.includes(flag));
      expect({ command, missing, wrong }).toEqual({ command, missing: [], wrong: [] });
    }
  });

  it('lists every exit code there is, and no other', () => {
    const [, sentence = ''] = /^Exit codes: (.*?\.)$/ms.exec(read('README.md')) ?? [];
    const documented = [...sentence.matchAll(/\b(\d+) [a-z]/g)].map(([, code]) => Number(code));
    expect(documented).toEqual(Object.values(exitCodes));
  });

  it('names every reason for a dead letter and for an image that was not used', () => {
    const section = sectionOf('Keyphrases out');
    expect([...rejections, ...imageAbsences].filter((reason) => !section.includes(`\`${reason}\``))).toEqual(
      [],
    );
  });

  it('shows what demo --once prints, whose scores differ a little between processors', async () => {
    // A busy machine may take its time over a photo.
    const { stdout } = await tagstream(['demo', '--once'], { TAGSTREAM_IMAGES_TIMEOUT_MS: '60000' });
    const [, block = ''] = /```\n(demo-01 .*?)```/s.exec(read('README.md')) ?? [];
    const shown = block.trim().split('\n\n');
    expect(shown.length).toBeGreaterThan(1);
    for (const post of shown) {
      const [name = ''] = post.split('  ');
      const printed = stdout.split('\n\n').find((other) => other.startsWith(`${name}  `)) ?? '';
      expect(withoutScores(printed)).toBe(withoutScores(post));
      scoresOf(printed).forEach((score, index) => {
        expect(Math.abs(score - (scoresOf(post)[index] ?? NaN)), post).toBeLessThanOrEqual(3);
      });
    }
  });
});

describe('docs/metrics.md', () => {
  it('lists every metric, with its labels and their values, as the code has it', async () => {
    await expect(metricsPage()).toMatchFileSnapshot('../docs/metrics.md');
  });
});

describe('the model card', () => {
  const card = read('models/bundle/MODEL_CARD.md');
  const manifest = JSON.parse(read('models/bundle/manifest.json')) as {
    readonly version: string;
    readonly files: Readonly<Record<string, { readonly bytes: number }>>;
  };

  it('is of the bundle’s version', () => {
    expect(/^# Model card: tagstream (\S+)$/m.exec(card)?.[1]).toBe(manifest.version);
  });

  it('lists every file of the bundle with its size, and no other', () => {
    const listed = [...card.matchAll(/^\| (\S+) \| ([\d,]+) \|$/gm)].map(([, name = '', bytes = '']) => [
      name,
      Number(bytes.replaceAll(',', '')),
    ]);
    expect(listed).toEqual(Object.entries(manifest.files).map(([name, { bytes }]) => [name, bytes]));
  });
});

describe('links in the documents', () => {
  it.each([
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'models/training/README.md'],
    ...[
      'docs/metrics.md',
      'docs/runbook.md',
      'docs/security.md',
      'docs/faults.md',
      'models/bundle/MODEL_CARD.md',
    ],
  ])('of %s lead to files', (file) => {
    const targets = [...read(file).matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => target);
    const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
    expect(relative.filter((target) => !existsSync(join(root, dirname(file), target)))).toEqual([]);
  });
});

function rowsOf(node: z.core.JSONSchema._JSONSchema, path: readonly string[] = []): Row[] {
  if (typeof node === 'boolean') return [];
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, inner]) => rowsOf(inner, [...path, name]));
  }
  const key = path.join('.');
  // The bundle's default place is another one on each machine.
  const fallback = key === 'model.path' ? 'the bundled one' : textOf(node.default);
  const flags = settingFlags.filter(({ keys }) => keys.includes(key)).map(({ flag }) => flagName(flag));
  return [[key, fallback, variableOf(path), flags.join(', ')]];
}

const flagName = (flag: string): string => flag.split(' ')[0] ?? flag;

const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function sectionOf(title: string): string {
  const [, section = ''] = read('README.md').split(`\n## ${title}\n`);
  return section.split('\n## ')[0] ?? '';
}

function documentedRows(): Row[] {
  return sectionOf('Configuration')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, key = '', fallback = '', variable = '', flag = ''] = line
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', ''));
      return [key, fallback, variable, flag] as const;
    });
}

/** The commands of README's table, each with the flags it is shown with; a command can have several rows. */
function documentedCommands(): Map<string, readonly string[]> {
  const commands = new Map<string, readonly string[]>();
  const rows = sectionOf('On Kafka').matchAll(/^\| `([a-z]+)([^`]*)` \|/gm);
  for (const [, command = '', rest = ''] of rows) {
    commands.set(command, [...(commands.get(command) ?? []), ...(rest.match(/--[a-z-]+/g) ?? [])]);
  }
  return commands;
}

const scores = / <?(\d+)%/g;
const withoutScores = (text: string): string => text.replace(scores, '');
const scoresOf = (text: string): number[] => [...text.matchAll(scores)].map(([, score]) => Number(score));

const byKey = ([one]: Row, [other]: Row): number => (one < other ? -1 : 1);
