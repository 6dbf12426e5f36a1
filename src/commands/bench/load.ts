import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAgent } from '../../agent.js';
import type { Config } from '../../config/load.js';
import { findWorkers } from '../../serving/machine.js';
import { startPredictor } from '../../serving/predictor.js';
import { createPostCleaner } from '../../tagger.js';
import { nullOutput } from '../null-output.js';
import { poissonArrivals } from './arrivals.js';
import { expectTagged, mostWarmUp } from './embedded.js';
import { postOf, sampleAt, type Sample } from './samples.js';
import { unheard, type Tagger } from './suite.js';

/** Posts that come at a rate, whether or not those before are done. */
export interface Load {
  readonly postsPerSecond: number;
  readonly posts: number;
  /** Of the arrivals: the same seed gives the same. */
  readonly seed: number;
}

/** Waits until so many milliseconds have gone since `start`. */
async function until(start: number, ms: number): Promise<void> {
  const wait = start + ms - performance.now();
  if (wait > 0) await sleep(wait);
}

/** The wait of one post for its answer. */
export interface Answered {
  readonly latencyMs: number;
  /** That over the model's own time for the post's batch and the longest wait for others. */
  readonly ratio: number;
}

/** Asks a predictor of its own for posts as they arrive, and measures from when each is submitted to its answer. */
export async function askUnderLoad(
  config: Config,
  samples: readonly Sample[],
  { postsPerSecond, posts, seed }: Load,
): Promise<readonly Answered[]> {
  const { inference, batch, model, output } = config;
  const runMs = new Map<unknown, number>();
  const predictor = await startPredictor(
    {
      ...{ bundle: model.path, provider: inference.provider, threads: inference.threads },
      ...{ without: [], readText: false, ...batch, maxPhrases: output.maxPhrases },
      workersOn: (provider) => findWorkers(inference, provider).workers,
      observe(request, seconds) {
        if (request.kind !== 'predict') return;
        for (const post of request.posts) runMs.set(post, seconds * 1000);
      },
    },
    unheard(),
  );
  try {
    const cleanText = createPostCleaner(config);
    const inputs = Array.from({ length: posts }, (_, index) => ({
      ...{ text: cleanText(sampleAt(samples, index).text), entities: [], attributes: [], imageText: '' },
    }));
    // The first runs of a worker are slower.
    await Promise.all(inputs.slice(0, mostWarmUp).map((input) => predictor.predict(input)));
    const arrivals = poissonArrivals(postsPerSecond, posts, seed);
    const start = performance.now();
    const answers: Promise<Answered>[] = [];
    for (const [index, input] of inputs.entries()) {
      await until(start, arrivals[index] ?? 0);
      const since = performance.now();
      answers.push(
        predictor.predict(input).then(() => {
          const latencyMs = performance.now() - since;
          return { latencyMs, ratio: latencyMs / ((runMs.get(input) ?? NaN) + batch.maxWaitMs) };
        }),
      );
    }
    return await Promise.all(answers);
  } finally {
    await predictor.close();
  }
}

/** What an agent made of a load. */
export interface Endured {
  /** From when each post arrived to when its result was out. */
  readonly latenciesMs: readonly number[];
  /** Posts that the agent had taken and not finished, at most: what more arrived waited outside. */
  readonly mostInFlight: number;
  /** Memory of the whole process, at most. */
  readonly residentBytes: number;
}

/** Has an agent tag posts over the embedded transport as they arrive. Where it takes no more, they wait outside. */
export async function tagUnderLoad(
  tagger: Tagger,
  config: Config,
  samples: readonly Sample[],
  { postsPerSecond, posts, seed }: Load,
): Promise<Endured> {
  const arrivals = poissonArrivals(postsPerSecond, posts, seed);
  const latenciesMs: number[] = [];
  const start = performance.now();
  let handedOut = 0;
  let mostInFlight = 0;
  let residentBytes = 0;
  let tagged = 0;

  /** All that has arrived when the agent asks for more, as far as it makes a chunk. */
  async function* arrived(): AsyncGenerator<string> {
    while (handedOut < posts) {
      await until(start, arrivals[handedOut] ?? 0);
      const now = performance.now() - start;
      const from = handedOut;
      const waiting = arrivals.slice(from, from + config.kafka.chunkSize).filter((at) => at <= now).length;
      handedOut += Math.max(1, waiting);
      mostInFlight = Math.max(mostInFlight, handedOut - latenciesMs.length);
      residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
      const numbers = Array.from({ length: handedOut - from }, (_, at) => from + at);
      yield numbers.map((index) => `${postOf(sampleAt(samples, index))}\n`).join('');
    }
  }

  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'bench', stream: Readable.from(arrived()) },
      output: { name: 'nowhere', stream: nullOutput() },
    },
    web: false,
    tagger,
    observe(outcomes) {
      const now = performance.now() - start;
      for (const { kind, position } of outcomes) {
        latenciesMs.push(now - (arrivals[Number(position.offset)] ?? 0));
        if (kind === 'tagged') tagged += 1;
      }
    },
  });
  await agent.finished;
  expectTagged(tagged, posts);
  return { latenciesMs, mostInFlight, residentBytes };
}
