import { Readable } from 'node:stream';
import { startAgent } from '../../agent.js';
import type { Config } from '../../config/load.js';
import type { Settings } from '../../config/sources.js';
import type { Provider } from '../../domain/provider.js';
import { readBundle } from '../../model/bundle.js';
import type { Request } from '../../serving/protocol.js';
import { createPostCleaner } from '../../tagger.js';
import { nullOutput } from '../null-output.js';
import { startBareLoop } from './bare-loop.js';
import { expectTagged, tagEmbedded } from './embedded.js';
import { postOf, readSamples, sampleAt, textsOfLength, type Sample, type Samples } from './samples.js';
import { inTurn, ratioOf, spreadOf, type Spread } from './statistics.js';
import { postsOf, withTagger, type Bench, type Tagger } from './suite.js';

/** How much faster CUDA is, and whether it gives the same scores. */
export interface CudaReport {
  readonly throughput: Readonly<Record<'text' | 'photos', CudaThroughput>>;
  /** Of the workers of each. */
  readonly workers: Readonly<Record<'cuda' | 'cpu', number>>;
  readonly runMs: readonly RunTime[];
  readonly scores: ScoreDifference;
}

interface CudaThroughput {
  readonly cuda: Spread;
  readonly cpu: Spread;
  readonly cudaOverCpu: Spread;
}

/** How long one run of a model takes. */
interface RunTime {
  readonly model: 'text' | 'image' | 'decoder';
  readonly posts: number;
  readonly cuda: Spread;
  /** In one thread. */
  readonly cpu: Spread;
}

/** How far the scores of the same posts lie apart. */
interface ScoreDifference {
  readonly posts: number;
  readonly maxDifference: number;
  /** Posts that have not the same keyphrases on both. */
  readonly postsWithOtherPhrases: number;
}

/** The providers to compare: the first stands for CUDA. A trial without a GPU takes the CPU twice. */
type Pair = readonly [Provider, Provider];

/** A GPU is kept busy by more posts at once than a processor. */
const wide: Settings = {
  kafka: { chunkSize: 256 },
  inference: { concurrency: 256 },
  images: { concurrency: 256 },
  batch: { maxSize: 64, maxTokens: 65_536 },
};
/** Runs that are timed together. */
const timedRuns = 5;
/** Posts that go through the model by themselves. */
const mostAlone = 16;
/** Posts of 48 tokens, more or less. */
const words = 30;

/**
 * Compares CUDA with the CPU of the same machine.
 *
 * @param sizes posts of the runs whose time is measured
 * @throws ConfigurationError where CUDA cannot be used
 */
export async function measureCuda(
  bench: Bench,
  pair: Pair = ['cuda', 'cpu'],
  sizes: readonly number[] = [1, 16, 64, 256],
): Promise<CudaReport> {
  const samples = await readSamples();
  const [cuda, cpu] = pair;
  const configs = {
    cuda: bench.configWith({ ...wide, inference: { concurrency: 256, provider: cuda } }),
    cpu: bench.configWith({ inference: { provider: cpu } }),
  };
  return withTagger(configs.cuda, (onCuda) =>
    withTagger(configs.cpu, async (onCpu) => {
      const taggers = { cuda: onCuda, cpu: onCpu };
      return {
        throughput: {
          text: await throughputOf(bench, configs, taggers, samples.texts),
          photos: await throughputOf(bench, configs, taggers, samples.photos),
        },
        workers: { cuda: onCuda.slot.live.workers, cpu: onCpu.slot.live.workers },
        runMs: await runTimes(bench, configs.cuda, pair, sizes, samples),
        scores: await compareScores(bench, configs, taggers, samples),
      };
    }),
  );
}

type Both<T> = Readonly<Record<'cuda' | 'cpu', T>>;

async function throughputOf(
  bench: Bench,
  configs: Both<Config>,
  taggers: Both<Tagger>,
  samples: readonly Sample[],
): Promise<CudaThroughput> {
  const measure = (on: 'cuda' | 'cpu') => async (): Promise<number> => {
    // The GPU is done sooner.
    const posts = postsOf(bench, on === 'cuda' ? 5_120 : 640);
    const { postsPerSecond } = await tagEmbedded(taggers[on], configs[on], samples, posts);
    bench.step();
    return postsPerSecond;
  };
  const { cuda, cpu } = await inTurn(bench.rounds, { cuda: measure('cuda'), cpu: measure('cpu') });
  return { cuda: spreadOf(cuda), cpu: spreadOf(cpu), cudaOverCpu: ratioOf(cuda, cpu) };
}

/** Times the models on what they are asked for batches of each size: the decoder in its third step. */
async function runTimes(
  bench: Bench,
  config: Config,
  pair: Pair,
  sizes: readonly number[],
  { texts }: Samples,
) {
  const { text, image, decoder } = readBundle(config.model.path).manifest;
  const textOn = (provider: Provider) => (provider === 'cuda' ? text.floatModel : text.model);
  const cleanText = createPostCleaner(config);
  const times: RunTime[] = [];
  const inputOf = (sample: Sample) => ({
    ...{ text: cleanText(sample.text), entities: [], attributes: [], imageText: '' },
  });
  const limit = config.output.maxPhrases;
  // The decoder runs for some posts alone: it is timed on one of these, repeated.
  const alone = textsOfLength(texts, words, mostAlone).map(inputOf);
  for (const posts of sizes) {
    const pixels = Array.from({ length: posts }, () => new Uint8Array(image.size ** 2 * 3));
    const requests: Request[] = [
      ...alone.map((input) => ({ kind: 'predict' as const, posts: [input], limit })),
      { kind: 'predict', posts: textsOfLength(texts, words, posts).map(inputOf), limit },
      { kind: 'analyze-images', images: pixels },
    ];
    const loop = await startBareLoop(config, pair[0], requests);
    const models = [
      { model: 'text', file: textOn, which: mostAlone, repeated: 1 },
      { model: 'image', file: () => image.model, which: 0, repeated: 1 },
      { model: 'decoder', file: () => decoder.model, which: 2, repeated: posts },
    ] as const;
    for (const { model, file, which, repeated } of models) {
      const time = async (provider: Provider): Promise<number> => {
        const files = { recorded: file(pair[0]), measured: file(provider) };
        return 1000 * (await loop.time({ file: files, which, provider, repeated, times: timedRuns }));
      };
      const { cuda, cpu } = await inTurn(bench.rounds, {
        cuda: () => time(pair[0]),
        cpu: () => time(pair[1]),
      });
      bench.step();
      times.push({ model, posts, cuda: spreadOf(cuda), cpu: spreadOf(cpu) });
    }
    await loop.close();
  }
  return times;
}

/** The scores of a post's keyphrases. */
type Scores = ReadonlyMap<string, number>;

async function compareScores(
  bench: Bench,
  configs: Both<Config>,
  taggers: Both<Tagger>,
  { texts, photos }: Samples,
): Promise<ScoreDifference> {
  const posts = postsOf(bench, 200);
  // The demo's posts, each time with another number of its words, and every third with a photo.
  const lines = Array.from({ length: posts }, (_, index) => {
    const sample = sampleAt<Sample>(index % 3 === 0 ? photos : texts, index);
    const text = sample.text
      .split(' ')
      .slice(Math.floor(index / texts.length) % 5)
      .join(' ');
    return postOf({ ...sample, text: text === '' ? sample.text : text });
  });
  const onCuda = await scoresOf(taggers.cuda, configs.cuda, lines);
  const onCpu = await scoresOf(taggers.cpu, configs.cpu, lines);
  bench.step();
  const differences = onCuda.flatMap((scores, index) =>
    [...scores].map(([phrase, score]) => Math.abs(score - (onCpu[index]?.get(phrase) ?? score))),
  );
  const otherPhrases = onCuda.filter((scores, index) => {
    const other = onCpu[index];
    return other?.size !== scores.size || [...scores.keys()].some((phrase) => !other.has(phrase));
  });
  return {
    posts,
    maxDifference: Number(Math.max(...differences).toPrecision(3)),
    postsWithOtherPhrases: otherPhrases.length,
  };
}

async function scoresOf(
  tagger: Tagger,
  config: Config,
  lines: readonly string[],
): Promise<readonly Scores[]> {
  const scores: Scores[] = [];
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'bench', stream: Readable.from(lines.map((line) => `${line}\n`).join('')) },
      output: { name: 'nowhere', stream: nullOutput() },
    },
    web: false,
    tagger,
    observe(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.kind !== 'tagged') continue;
        scores.push(new Map(outcome.result.keyphrases.map(({ phrase, score }) => [phrase, score])));
      }
    },
  });
  await agent.finished;
  expectTagged(scores.length, lines.length);
  return scores;
}
