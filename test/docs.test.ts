import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.js';
import { exitCodes } from '../src/domain/errors.js';
import { imageAbsences } from '../src/domain/image.js';
import { reasons } from '../src/domain/outcome.js';
import { settingFlags } from '../src/config/flags.js';
import { tagstream } from './support/agent-process.js';
import { configurationPage } from './support/configuration-page.js';
import { metricsPage } from './support/metrics-page.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('README', () => {
  it('lists every flag of every command, and no other', async () => {
    const settings = new Set(settingFlags.map(({ flag }) => flagName(flag)));
    const commands = [...documentedCommands()];
    const helps = await Promise.all(commands.map(([command]) => tagstream([command, '--help'])));
    for (const [index, [command, documented]] of commands.entries()) {
      const { stdout = '' } = helps[index] ?? {};
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
    expect([...reasons, ...imageAbsences].filter((reason) => !section.includes(`\`${reason}\``))).toEqual([]);
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

describe('docs/configuration.md', () => {
  it('lists every setting, with its type, default, variable, flag and meaning, as the code has it', async () => {
    await expect(configurationPage()).toMatchFileSnapshot('../docs/configuration.md');
  });

  it('shows a file that the agent takes', () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(read('docs/configuration.md')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'tagstream-docs-'));
    const file = join(folder, 'tagstream.yaml');
    writeFileSync(file, example);
    const environment = { TAGSTREAM_KAFKA_SASL_PASSWORD: 'secret' };
    expect(loadConfig({ file, environment }).kafka.sasl?.username).toBe('tagstream');
    rmSync(folder, { recursive: true });
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

const flagName = (flag: string): string => flag.split(' ')[0] ?? flag;

function sectionOf(title: string): string {
  const [, section = ''] = read('README.md').split(`\n## ${title}\n`);
  return section.split('\n## ')[0] ?? '';
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
