import { startAgent } from '../agent.js';
import type { Config } from '../config/load.js';
import { exitCodes } from '../domain/errors.js';
import { stopOnSignals } from './signals.js';

/** Milliseconds in which the process of an agent that is done ends by itself. */
const leaveMs = 2_000;

/** `tagstream run`: Kafka in, Kafka out, until a signal ends it. */
export async function run(config: Config): Promise<number> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const agent = await startAgent(config, { transport: { kind: 'kafka' }, web: true, stopping });
  try {
    await agent.finished;
  } finally {
    // Everything is written and closed. After lost replies kafkajs has kept something open that nobody can close.
    setTimeout(() => process.exit(), leaveMs).unref();
  }
  return exitCodes.done;
}
