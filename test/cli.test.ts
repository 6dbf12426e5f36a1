import { describe, expect, it } from 'vitest';
import { tagstream } from './support/agent-process.js';

const commands = ['run', 'demo', 'tag', 'eval', 'bench', 'replay', 'doctor', 'cuda', 'completion'];

describe('the help', () => {
  it.each(['', ...commands])('of tagstream %s has examples', async (command) => {
    const args = command === '' ? [] : [command];
    const { code, stdout, stderr } = await tagstream([...args, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    const [, examples = ''] = stdout.split('\nExamples:\n');
    expect(examples).toContain(['tagstream', ...args].join(' '));
  });
});

describe('wrong usage', () => {
  it.each([
    [['rum'], 'run'],
    [['doktor'], 'doctor'],
    [['tag', '--concurency', '3'], '--concurrency'],
    [['run', '--broker', '127.0.0.1:9092'], '--brokers'],
    [['replay', '--dryrun'], '--dry-run'],
  ])('tagstream %j suggests %s, names --help and exits 64', async (args, right) => {
    const { code, stdout, stderr } = await tagstream(args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(`(Did you mean ${right}?)\n(--help shows what there is)\n`);
  });

  it('a shell whose completion there is not is answered with those there are', async () => {
    expect(await tagstream(['completion', 'tcsh'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('Allowed choices are bash, zsh, fish.'),
    });
  });
});
