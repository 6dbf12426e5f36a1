import type { Agent } from '../agent.js';
import { exitCodes } from '../domain/errors.js';

/**
 * Drains the agent on SIGTERM and SIGINT. A second signal, or a drain that takes longer than `timeoutMs`, gives up
 * at once: what is not committed is read again by the next agent.
 */
export function stopOnSignals(agent: Agent, timeoutMs: number): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(exitCodes.failed);
    stopping = true;
    setTimeout(() => {
      process.stderr.write(
        `tagstream: the drain took longer than shutdown.timeoutMs (${timeoutMs}); giving up\n`,
      );
      process.exit(exitCodes.failed);
    }, timeoutMs).unref();
    // What the drain ends with is what `finished` ends with, and that is awaited elsewhere.
    agent.stop(signal).catch(() => undefined);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
