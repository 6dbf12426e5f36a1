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

/** Posts that go through before a measurement begins, at most. */
const mostWarmUp = 64;
/** Milliseconds between two looks of the event loop's clock. */
const stallResolutionMs = 2;

/** How many posts go before those that are measured. */
export const warmUpOf = (posts: number): number => Math.min(mostWarmUp, posts);

/**
 * Tags posts over the embedded transport, from a post's bytes to its result line, as fast as it goes.
 *
 * @param posts how many are measured, after those that warm it up
 * @throws StoppedError where not every post was tagged
 */
export async function tagEmbedded(
  tagger: Tagger,
  config: Config,
  samples: readonly Sample[],
  posts: number,
): Promise<Throughput> {
  const warmUp = warmUpOf(posts);
  const total = warmUp + posts;
  const stalls = monitorEventLoopDelay({ resolution: stallResolutionMs });
  let done = 0;
  let untagged = 0;
  let start = { at: performance.now(), cpu: process.cpuUsage() };
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'bench', stream: Readable.from(pieces(samples, total, config.kafka.chunkSize)) },
      output: { name: 'nowhere', stream: nullOutput() },
    },
    web: false,
    tagger,
    observe(outcomes) {
      done += outcomes.length;
      untagged += outcomes.filter(({ kind }) => kind !== 'tagged').length;
      if (done > warmUp) return;
      start = { at: performance.now(), cpu: process.cpuUsage() };
      stalls.enable();
    },
  });
  await agent.finished;
  const seconds = (performance.now() - start.at) / 1000;
  const { user, system } = process.cpuUsage(start.cpu);
  stalls.disable();
  expectTagged(done - untagged, total);
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
    yield Array.from(
      { length: count },
      (_, at) => `${postOf(sampleAt(samples, from + at), from + at)}\n`,
    ).join('');
  }
}
