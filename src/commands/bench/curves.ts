import type { Request } from '../../serving/protocol.js';
import { startBareLoop } from './bare-loop.js';
import { tagEmbedded } from './embedded.js';
import { tagFromKafka } from './kafka-loops.js';
import { tagUnderLoad } from './load.js';
import { needsBrokers } from './ratios.js';
import { postOf, readSamples, sampleAt, textsOfLength, type Sample } from './samples.js';
import { pointsInTurn, quantile, rounded, spreadOf, type Spread } from './statistics.js';
import { postsOf, withTagger, type Bench, type MachineReport } from './suite.js';
import { withTopics } from './topics.js';

/** The points of each curve. */
export interface Curves {
  readonly workers: readonly { readonly workers: number; readonly postsPerSecond: Spread }[];
  readonly batchSize: readonly { readonly batchSize: number; readonly postsPerSecond: Spread }[];
  readonly textLength: readonly {
    /** Of a post on average. */
    readonly words: number;
    /** The part of what the text encoder computes on that is padding. */
    readonly paddingShare: number;
    readonly postsPerSecond: Spread;
  }[];
  readonly partitions?: readonly {
    readonly partitions: number;
    readonly postsPerSecond: Spread;
    /** Posts of the partition that had the fewest and of the one that had the most done, when half of all were done. */
    readonly fewestDoneAtHalf: Spread;
    readonly mostDoneAtHalf: Spread;
  }[];
  readonly latency: readonly {
    /** Arrivals over what the agent can do at most. */
    readonly load: number;
    readonly p50Ms: Spread;
    readonly p99Ms: Spread;
    /** Posts that the agent had taken and not finished, at most. */
    readonly mostInFlight: Spread;
    readonly rssMiB: Spread;
  }[];
}

/** The curves, and what is not measured, with the reason. */
export interface CurvesReport {
  readonly curves: Curves;
  readonly leftOut: Readonly<Record<string, string>>;
}

const batchSizes = [1, 2, 4, 8, 16, 32];
const textLengths = [5, 10, 20, 40, 80];
const partitionCounts = [1, 3, 6];
const loads = [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4];

/** Measures throughput and latency over what decides them. */
export async function measureCurves(bench: Bench, machine: MachineReport): Promise<CurvesReport> {
  const { texts } = await readSamples();
  const withKafka = bench.configWith({}).kafka.brokers.length > 0;
  const curves = {
    workers: await overWorkers(bench, texts, Math.floor(machine.processors)),
    batchSize: await overBatchSize(bench, texts),
    textLength: await overTextLength(bench, texts),
    ...(withKafka ? { partitions: await overPartitions(bench, texts) } : {}),
    latency: await overLoad(bench, texts),
  };
  return { curves, leftOut: withKafka ? {} : { partitions: needsBrokers } };
}

/** Each number of workers up to 8; beyond that its doubles, and the last. */
export function workerCounts(processors: number): readonly number[] {
  const all = Array.from({ length: Math.max(1, processors) }, (_, index) => index + 1);
  return all.filter((count) => count <= 8 || count === processors || Number.isInteger(Math.log2(count)));
}

/** Opens the model anew for each measurement: with many workers no two of them have room side by side. */
async function throughputOf(
  bench: Bench,
  settings: Parameters<Bench['configWith']>[0],
  samples: readonly Sample[],
): Promise<number> {
  const config = bench.configWith(settings);
  const posts = postsOf(bench, 640);
  const { postsPerSecond } = await withTagger(config, (tagger) =>
    tagEmbedded(tagger, config, samples, posts),
  );
  bench.step();
  return postsPerSecond;
}

async function overWorkers(bench: Bench, texts: readonly Sample[], processors: number) {
  const points = await pointsInTurn(bench.rounds, workerCounts(processors), (workers) =>
    throughputOf(bench, { inference: { workers } }, texts),
  );
  return points.map(({ point, measured }) => ({ workers: point, postsPerSecond: spreadOf(measured) }));
}

async function overBatchSize(bench: Bench, texts: readonly Sample[]) {
  const points = await pointsInTurn(bench.rounds, batchSizes, (maxSize) =>
    throughputOf(bench, { batch: { maxSize } }, texts),
  );
  return points.map(({ point, measured }) => ({ batchSize: point, postsPerSecond: spreadOf(measured) }));
}

async function overTextLength(bench: Bench, texts: readonly Sample[]): Promise<Curves['textLength']> {
  const ofLength = textLengths.map((words) => ({
    words,
    samples: textsOfLength(texts, words, postsOf(bench, 640)),
  }));
  const points = await pointsInTurn(bench.rounds, ofLength, ({ samples }) =>
    throughputOf(bench, {}, samples),
  );
  const curve = [];
  for (const { point, measured } of points) {
    const paddingShare = await paddingOf(bench, point.samples);
    curve.push({ words: point.words, paddingShare, postsPerSecond: spreadOf(measured) });
  }
  return curve;
}

/** The share of padding in the batches that one worker runs of these posts. */
async function paddingOf(bench: Bench, samples: readonly Sample[]): Promise<number> {
  const config = bench.configWith({ inference: { workers: 1 } });
  const requests: Request[] = [];
  const provider = await withTagger(
    config,
    async (tagger) => {
      await tagEmbedded(tagger, config, samples, Math.min(256, samples.length));
      return tagger.slot.live.model.provider;
    },
    (request) => requests.push(request),
  );
  const loop = await startBareLoop(config, provider, requests);
  await loop.close();
  bench.step();
  return rounded(loop.padding);
}

async function overPartitions(bench: Bench, texts: readonly Sample[]) {
  const posts = postsOf(bench, 640);
  const lines = Array.from({ length: posts }, (_, index) => postOf(sampleAt(texts, index)));
  const all = bench.configWith({});
  const points = await withTagger(all, (tagger) =>
    pointsInTurn(bench.rounds, partitionCounts, async (partitions) => {
      const found = await withTopics(bench, partitions, lines, (config) =>
        tagFromKafka(config, tagger, { total: posts, partitions, warmUp: 0 }),
      );
      bench.step();
      return found;
    }),
  );
  return points.map(({ point, measured }) => ({
    partitions: point,
    postsPerSecond: spreadOf(measured.map(({ recordsPerSecond }) => recordsPerSecond)),
    fewestDoneAtHalf: spreadOf(measured.map(({ doneAtHalf }) => Math.min(...doneAtHalf))),
    mostDoneAtHalf: spreadOf(measured.map(({ doneAtHalf }) => Math.max(...doneAtHalf))),
  }));
}

async function overLoad(bench: Bench, texts: readonly Sample[]) {
  const posts = postsOf(bench, 640);
  const config = bench.configWith({});
  const points = await withTagger(config, async (tagger) => {
    let seed = 0;
    const capacities: number[] = [];
    return pointsInTurn(bench.rounds, loads, async (load) => {
      // Once a round, before its first point.
      if (seed % loads.length === 0)
        capacities.push((await tagEmbedded(tagger, config, texts, posts)).postsPerSecond);
      const postsPerSecond = load * (capacities.at(-1) ?? NaN);
      const endured = await tagUnderLoad(tagger, config, texts, { postsPerSecond, posts, seed: seed++ });
      bench.step();
      return endured;
    });
  });
  return points.map(({ point, measured }) => ({
    load: point,
    p50Ms: spreadOf(measured.map(({ latenciesMs }) => quantile(latenciesMs, 0.5))),
    p99Ms: spreadOf(measured.map(({ latenciesMs }) => quantile(latenciesMs, 0.99))),
    mostInFlight: spreadOf(measured.map(({ mostInFlight }) => mostInFlight)),
    rssMiB: spreadOf(measured.map(({ residentBytes }) => residentBytes / 2 ** 20)),
  }));
}
