import type { Config } from '../config.js';
import { exitCodes } from '../domain/errors.js';
import { rejections, type Rejection } from '../domain/outcome.js';
import type { Letter } from '../replay/dead-letters.js';
import { replay as replayLetters, type Fate, type Selection } from '../replay/replay.js';
import { showProgress } from './progress.js';

/** What the command line says, as text. */
export interface ReplayOptions {
  readonly reason?: string;
  readonly since?: string;
  readonly until?: string;
  readonly maxAttempts: string;
  readonly dryRun?: boolean;
}

/**
 * `tagstream replay`: dead letters back to the input topic, each once, and a count of what became of them.
 *
 * @param refuse is told of an option that cannot be used, and does not return
 */
export async function replay(
  config: Config,
  options: ReplayOptions,
  refuse: (message: string) => never,
): Promise<number> {
  const selection = selectionOf(options, refuse);
  const counts = new Map<Fate, number>();
  const progress = showProgress('dead letters');
  await replayLetters(config, selection, (letter, fate) => {
    progress.step();
    counts.set(fate, (counts.get(fate) ?? 0) + 1);
    if (selection.dryRun) process.stdout.write(`${describe(letter, fate)}\n`);
  });
  progress.done();
  const fates = [...counts].map(([fate, count]) => `${count} ${fate}`).join(', ');
  const what = selection.dryRun ? 'of the dead letters would be' : 'of the dead letters:';
  process.stdout.write(`${what} ${fates === '' ? 'none meant' : fates}\n`);
  return exitCodes.done;
}

function selectionOf(options: ReplayOptions, refuse: (message: string) => never): Selection {
  const { reason, since, until, dryRun = false } = options;
  const reasons = reason === undefined ? rejections : reason.split(',').map((name) => reasonOf(name, refuse));
  const maxAttempts = Number(options.maxAttempts);
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1)
    refuse(`--max-attempts ${options.maxAttempts}: give a whole number from 1`);
  return {
    ...{ reasons, maxAttempts, dryRun },
    since: since === undefined ? 0 : timeOf('--since', since, refuse),
    until: until === undefined ? Infinity : timeOf('--until', until, refuse),
  };
}

function reasonOf(text: string, refuse: (message: string) => never): Rejection {
  return (
    rejections.find((reason) => reason === text) ??
    refuse(`--reason ${text}: give one or more of ${rejections.join(', ')}`)
  );
}

function timeOf(flag: string, text: string, refuse: (message: string) => never): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? refuse(`${flag} ${text}: give a time as in 2026-11-25T17:00:00Z`) : time;
}

const describe = ({ source, reason, attempt, detail }: Letter, fate: Fate): string =>
  `${fate.padEnd(15)}  ${source}  ${reason}, attempt ${attempt}: ${detail}`;
