import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { startAgent } from '../../agent.js';
import type { Config } from '../../config/load.js';
import { StoppedError } from '../../domain/errors.js';
import { nullOutput } from '../null-output.js';
import { postOf, sampleAt, type Sample } from './samples.js';
import type { Tagger } from './suite.js';

/** What one measurement gave. */
export interface Throughput {
  readonly postsPerSecond: number;
  /** CPU time of the whole process, all threads, for each post. */
  readonly cpuMsPerPost: number;
  /** For how long the main thread did not come to its timers, at most. */
  readonly stallMs: number;
}

/** Posts that go through a model before it is measured for the first time, at most. */
export const mostWarmUp = 64;
/** Milliseconds between two looks of the event loop's clock. */
const stallResolutionMs = 2;

const warm = new WeakSet<Tagger>();

/**
 * Tags posts over the embedded transport, from a post's bytes to its result line, as fast as it goes. A model that has not been measured yet is warmed up before.
 *
 * @throws StoppedError where not every post was tagged
 */
export async function tagEmbedded(
  tagger: Tagger,
  config: Config,
  samples: readonly Sample[],
  posts: number,
): Promise<Throughput> {
  if (!warm.has(tagger)) await tagAll(tagger, config, samples, Math.min(mostWarmUp, posts));
  warm.add(tagger);
  return tagAll(tagger, config, samples, posts);
}

async function tagAll(
  tagger: Tagger,
  config: Config,
  samples: readonly Sample[],
  posts: number,
): Promise<Throughput> {
  const stalls = monitorEventLoopDelay({ resolution: stallResolutionMs });
  let tagged = 0;
  const start = { at: performance.now(), cpu: process.cpuUsage() };
  stalls.enable();
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'bench', stream: Readable.from(pieces(samples, posts, config.kafka.chunkSize)) },
      output: { name: 'nowhere', stream: nullOutput() },
    },
    web: false,
    tagger,
    observe: (outcomes) => (tagged += outcomes.filter(({ kind }) => kind === 'tagged').length),
  });
  await agent.finished;
  const seconds = (performance.now() - start.at) / 1000;
  const { user, system } = process.cpuUsage(start.cpu);
  stalls.disable();
  expectTagged(tagged, posts);
  return {
    postsPerSecond: posts / seconds,
    cpuMsPerPost: (user + system) / 1000 / posts,
    stallMs: Math.max(0, stalls.max / 1e6 - stallResolutionMs),
  };
}

/** @throws StoppedError where not every post was tagged: the measurement would be of something else */
export function expectTagged(tagged: number, total: number): void {
  if (tagged !== total)
    throw new StoppedError(`${tagged} of ${total} posts were tagged: nothing is measured`);
}

/** The posts as lines, a chunk at a time: what comes together makes a chunk. */
function* pieces(samples: readonly Sample[], total: number, size: number): Generator<string> {
  for (let from = 0; from < total; from += size) {
    const count = Math.min(size, total - from);
    yield Array.from({ length: count }, (_, at) => `${postOf(sampleAt(samples, from + at))}\n`).join('');
  }
}
