import { startAgent } from '../agent.js';
import type { Config } from '../config.js';
import { exitCodes } from '../domain/errors.js';
import { stopOnSignals } from './signals.js';

/** `tagstream run`: Kafka in, Kafka out, until a signal ends it. */
export async function run(config: Config): Promise<number> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const agent = await startAgent(config, { transport: { kind: 'kafka' }, web: true, stopping });
  await agent.finished;
  return exitCodes.done;
}
