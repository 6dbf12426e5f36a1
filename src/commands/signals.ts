import { spawn } from 'node:child_process';
import { exitCodes } from '../domain/errors.js';

/**
 * Is aborted by SIGTERM and SIGINT, with the signal's name as its reason. A second signal, or a stop that takes longer
 * than `timeoutMs`, gives up at once: what is not committed is read again by the next agent.
 *
 * It comes before anything is started: until then a signal ends the process, or does nothing where that is a
 * container's first.
 */
export function stopOnSignals(timeoutMs: number): AbortSignal {
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) giveUp();
    setTimeout(() => {
      process.stderr.write(
        `tagstream: the drain took longer than shutdown.timeoutMs (${timeoutMs}); giving up\n`,
      );
      giveUp();
    }, timeoutMs).unref();
    stopping.abort(signal);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return stopping.signal;
}

/** Milliseconds that an exit may take before it is forced. */
const exitMs = 2_000;

/**
 * Ends the process. An exit waits for its threads, and one that is stuck in a read or in a model's run would keep it for
 * ever, so a process beside it kills it if need be. The first process of a container is out of its reach: only who runs
 * the container can kill that.
 */
function giveUp(): never {
  // Its standard input ends with this process, and then there is nobody to kill.
  const kill = `
    setTimeout(() => process.kill(${process.pid}, 'SIGKILL'), ${exitMs});
    process.stdin.resume().on('end', () => process.exit());
  `;
  spawn(process.execPath, ['--eval', kill], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] }).unref();
  process.exit(exitCodes.failed);
}
