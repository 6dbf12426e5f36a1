import { onOneLine } from './draw-outcome.js';

/** How far long work is. */
export interface Progress {
  /** One more is done. */
  step(): void;
  /** Writes a message to standard error, above what shows the progress. */
  say(message: string): void;
  done(): void;
}

/** Milliseconds between two looks of the line. */
const refreshMs = 100;
const barCells = 20;

/**
 * Shows on a terminal how far long work is, on one line of standard error; in a pipe it is silent.
 *
 * @param total how many there will be, where that is known
 * @param shown whether there is a terminal that has nothing else to show
 */
export function showProgress(what: string, total?: number, shown = process.stderr.isTTY): Progress {
  let steps = 0;
  /** When the first was done: what comes before, such as loading models, says nothing of the rate. */
  let first = 0;
  let lastShown = 0;

  function show(now: number): void {
    // A line that wraps could not be written over.
    const line = progressLine(what, { steps, total, ms: now - first });
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    lastShown = now;
  }

  return {
    step() {
      steps += 1;
      const now = performance.now();
      if (steps === 1) first = now;
      if (shown && now - lastShown > refreshMs) show(now);
    },
    say(message) {
      process.stderr.write(`${shown && lastShown > 0 ? '\r\x1b[K' : ''}${onOneLine(message)}\n`);
    },
    done() {
      if (!shown) return;
      show(performance.now());
      process.stderr.write('\n');
    },
  };
}

/** How many of how many are done, and the milliseconds since the first of them. */
interface Stand {
  readonly steps: number;
  readonly total: number | undefined;
  readonly ms: number;
}

/** The line: a bar where the total is known, the rate once there is one, and the time left. */
export function progressLine(what: string, { steps, total, ms }: Stand): string {
  const perSecond = steps > 1 && ms >= 1 ? ((steps - 1) * 1000) / ms : undefined;
  const rate = perSecond === undefined ? [] : [`${perSecond.toFixed(perSecond < 10 ? 1 : 0)} a second`];
  if (total === undefined) return [`${what}: ${steps}`, ...rate].join(', ');
  const share = total === 0 ? 1 : Math.min(1, steps / total);
  const bar = '█'.repeat(Math.floor(share * barCells)).padEnd(barCells, '░');
  const left =
    perSecond === undefined || steps >= total ? [] : [`${duration((total - steps) / perSecond)} left`];
  return [`${what} ${bar} ${Math.floor(share * 100)}%  ${steps} of ${total}`, ...rate, ...left].join(', ');
}

/** Seconds in the two greatest units that matter. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
