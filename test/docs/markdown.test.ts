import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tagstream } from '../support/agent-process.js';
import { anchorsOf, codeOf, linksOf, pages, root, textOf } from '../support/markdown.js';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

describe('links', () => {
  it.each(pages)('of %s lead to files and headings', (page) => {
    const broken = linksOf(textOf(page)).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(textOf(target)).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('commands', () => {
  const commands = ['run', 'demo', 'tag', 'eval', 'bench', 'replay', 'doctor', 'cuda', 'completion'];
  /** The help of each command: what stands in it may stand in the pages. */
  const helps = new Map<string, string>();
  beforeAll(async () => {
    const outputs = await Promise.all(commands.map((command) => tagstream([command, '--help'])));
    outputs.forEach(({ stdout }, index) => helps.set(commands[index] ?? '', stdout));
  });

  /** What of a line's calls of `tagstream` there is not: a command, or a flag of one. */
  function unknownIn(line: string): string[] {
    const calls = line
      .replace(/npm run demo --(?= )/g, 'tagstream demo')
      .matchAll(/(?:\btagstream|\/cli\.js) ([a-z]+)([^|>;]*)/g);
    return [...calls].flatMap(([, command = '', rest = '']) => {
      const help = helps.get(command);
      if (help === undefined) return [`tagstream ${command}`];
      const flags = rest.match(/--[a-z][a-z-]*/g) ?? [];
      return flags.filter((flag) => !new RegExp(`^ +(-\\w, )?${flag}\\b`, 'm').test(help));
    });
  }

  it.each(pages)('of %s are there, with their flags', (page) => {
    expect(codeOf(textOf(page)).flatMap(unknownIn)).toEqual([]);
  });

  it('of the examples in --help are there, with their flags', () => {
    for (const [command, help] of helps) {
      const [, examples = ''] = help.split('\nExamples:\n');
      const lines = codeOf(`\`\`\`\n${examples}\n\`\`\``);
      expect({ command, unknown: lines.flatMap(unknownIn) }).toEqual({ command, unknown: [] });
    }
  });

  it('that are wrong would be found', () => {
    expect(unknownIn('npx tagstream tag --texte "x" | npx tagstream frob')).toEqual([
      '--texte',
      'tagstream frob',
    ]);
    expect(unknownIn('npm run demo -- --twice')).toEqual(['--twice']);
    expect(unknownIn('node dist/cli.js doctor --onse')).toEqual(['--onse']);
  });

  it.each(pages)('of npm in %s are scripts, and those of vitest name tests', (page) => {
    const lines = codeOf(textOf(page));
    const run = lines.flatMap((line) =>
      [...line.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name = '']) => name),
    );
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
    const tried = lines
      .flatMap((line) => [...line.matchAll(/vitest run ((?:[\w./-]+ ?)+?)(?= -|$)/g)])
      .flatMap(([, names = '']) => names.trim().split(' '));
    const found = (name: string): boolean =>
      ['', '.test.ts', '.benchmark.test.ts'].some((end) => existsSync(join(root, name + end)));
    expect(tried.filter((name) => !found(name))).toEqual([]);
    if (page === 'docs/security.md') expect(tried.length).toBeGreaterThan(10);
  });
});
