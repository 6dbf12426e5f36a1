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
    if (stopping.signal.aborted) process.exit(exitCodes.failed);
    setTimeout(() => {
      process.stderr.write(
        `tagstream: the drain took longer than shutdown.timeoutMs (${timeoutMs}); giving up\n`,
      );
      process.exit(exitCodes.failed);
    }, timeoutMs).unref();
    stopping.abort(signal);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return stopping.signal;
}
