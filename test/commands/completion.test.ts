import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagstream } from '../support/agent-process.js';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tagstream-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await tagstream(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    writeFileSync(join(folder, shell), stdout);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const has = (shell: string): boolean => spawnSync(shell, ['-c', ':']).status === 0;

/** What is typed, the last word unfinished, and what may stand there. */
const completions: readonly (readonly [typed: readonly string[], offered: readonly string[]])[] = [
  [['d'], ['demo', 'doctor']],
  [['c'], ['completion', 'cuda']],
  [
    ['run', '--provider', ''],
    ['auto', 'cpu', 'cuda'],
  ],
  [['run', '--delivery', 'at'], ['at-least-once']],
  [
    ['run', '--port', '0', '--p'],
    ['--port', '--provider'],
  ],
  [['tag', '--m'], ['--model']],
  [['replay', '--reason', 'du'], ['duplicate']],
  [['replay', '--mo'], []],
  [['eval', 'labelled.jsonl', '--fo'], []],
  [
    ['eval', 'labelled.jsonl', '--t'],
    ['--text-only', '--threads'],
  ],
  [['bench', '--port'], []],
  [['cuda', 'in'], ['install']],
  [['cuda', 'install', '--f'], ['--from']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
];
const titled = completions.map(([typed, offered]) => ({
  line: `tagstream ${typed.join(' ')}`,
  typed,
  offered,
}));

describe('in bash', () => {
  it.each(titled)('"$line" completes to $offered', ({ typed, offered }) => {
    const script = `source ${folder}/bash; COMP_WORDS=(tagstream "$@"); COMP_CWORD=$#; _tagstream
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', script, 'bash', ...typed], { encoding: 'utf8' });
    expect(words(output)).toEqual(offered);
  });

  it('every flag that a command’s help has is offered', async () => {
    const { stdout } = await tagstream(['replay', '--help']);
    const flags = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag);
    const script = `source ${folder}/bash; COMP_WORDS=(tagstream replay --); COMP_CWORD=2; _tagstream
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(words(execFileSync('bash', ['-c', script], { encoding: 'utf8' }))).toEqual(flags.toSorted());
  });
});

describe.skipIf(!has('fish'))('in fish (skipped where there is none)', () => {
  it.each(titled)('"$line" completes to $offered', ({ line, offered }) => {
    const script = `source ${folder}/fish; complete -C ${JSON.stringify(line)}`;
    const output = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
    expect(words(output.replace(/\t.*$/gm, ''))).toEqual(offered);
  });
});

describe.skipIf(!has('zsh'))('in zsh (skipped where there is none)', () => {
  it.each(titled.filter(({ offered }) => offered.length > 1))(
    '"$line" completes to $offered',
    ({ line, offered }) => {
      // A terminal of its own: zsh completes nowhere else. Two tabs list what there is.
      const script = `zmodload zsh/zpty; zpty shell zsh -f -i
        zpty -w shell 'autoload -U compinit; compinit -D; source ${folder}/zsh; PS1=; zstyle ":completion:*" verbose no; print ready'
        zpty -r -m shell seen '*ready*ready*'
        zpty -w -n shell $'${line}\\t\\t'
        zpty -r -m shell seen '*${offered.join('*')}*'`;
      expect(() => execFileSync('zsh', ['-f', '-c', script], { timeout: 50_000 })).not.toThrow();
    },
  );
});

const words = (output: string): string[] =>
  output
    .split('\n')
    .filter((word) => word !== '')
    .toSorted();
