import type { Config } from '../config/load.js';
import { exitCodes } from '../domain/errors.js';
import { reasons, type Reason } from '../domain/outcome.js';
import type { Letter } from '../replay/dead-letters.js';
import type { Fate, Selection } from '../replay/fate.js';
import { replay as replayLetters } from '../replay/replay.js';
import { showProgress } from './progress.js';
import { stopOnSignals } from './signals.js';

/** What the command line says, as text. */
export interface ReplayOptions {
  readonly reason?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly maxAttempts: string;
  readonly dryRun?: boolean;
}

/**
 * `tagstream replay`: dead letters back to the input topic, each once, and a count of what became of them, also where it
 * ends early.
 *
 * @param refuse is told of an option that cannot be used, and does not return
 */
export async function replay(
  config: Config,
  options: ReplayOptions,
  refuse: (message: string) => never,
): Promise<number> {
  const selection = selectionOf(options, refuse);
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const counts = new Map<Fate, number>();
  const progress = showProgress('dead letters');
  const sum = (): void => {
    progress.done();
    const fates = [...counts].map(([fate, count]) => `${count} ${fate}`).join(', ');
    const what = selection.dryRun ? 'of the dead letters would be' : 'of the dead letters:';
    process.stdout.write(`${what} ${fates === '' ? 'none meant' : fates}\n`);
  };
  const count = (letter: Letter, fate: Fate): void => {
    progress.step();
    counts.set(fate, (counts.get(fate) ?? 0) + 1);
    if (selection.dryRun) process.stdout.write(`${describe(letter, fate)}\n`);
  };
  try {
    await replayLetters(config, selection, count, stopping);
  } catch (error) {
    if (counts.size > 0) sum();
    throw error;
  }
  sum();
  return exitCodes.done;
}

/** @param refuse as of {@link replay} */
export function selectionOf(options: ReplayOptions, refuse: (message: string) => never): Selection {
  const { reason, since, until, dryRun = false } = options;
  const chosen = reason === undefined ? reasons : reason.map((name) => reasonOf(name, refuse));
  // Number() reads more than decimal digits: 0x10, 1e3, a blank.
  if (!/^0*[1-9]\d*$/.test(options.maxAttempts))
    refuse(`--max-attempts ${options.maxAttempts}: give a whole number from 1`);
  const from = since === undefined ? 0 : timeOf('--since', since, refuse);
  const to = until === undefined ? Infinity : timeOf('--until', until, refuse);
  if (since !== undefined && from >= to)
    refuse(`--since ${since} is not before --until ${until ?? ''}: no time is between them`);
  return { reasons: chosen, maxAttempts: Number(options.maxAttempts), dryRun, since: from, until: to };
}

function reasonOf(text: string, refuse: (message: string) => never): Reason {
  return (
    reasons.find((reason) => reason === text) ??
    refuse(`--reason ${text}: give one or more of ${reasons.join(', ')}`)
  );
}

/** A date, or a date and a time with or without an offset. */
const iso8601 = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Milliseconds since the epoch. `Date.parse` alone finds a time in almost anything ("5" is in 2001), and takes February
 * 30 for March 2. A date is its midnight in UTC; a time without an offset is this machine's.
 */
function timeOf(flag: string, text: string, refuse: (message: string) => never): number {
  const [, day = ''] = iso8601.exec(text) ?? [];
  const time = Date.parse(text);
  const midnight = Date.parse(day);
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
  return exists && !Number.isNaN(time)
    ? time
    : refuse(`${flag} ${text}: give a time as in 2026-11-25T17:00:00Z`);
}

const describe = ({ source, reason, attempt, detail }: Letter, fate: Fate): string =>
  `${fate.padEnd(16)}  ${source}  ${reason}, attempt ${attempt}: ${detail}`;
