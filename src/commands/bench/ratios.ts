import type { Request } from '../../serving/protocol.js';
import { join } from 'node:path';
import { startBareLoop, type BareLoop } from './bare-loop.js';
import { cpuMsPerPost, rssGrowth } from './children.js';
import { ownCommand } from './child.js';
import { tagEmbedded } from './embedded.js';
import { emptyTagger } from './empty-tagger.js';
import { passThroughKafkajs, tagFromKafka } from './kafka-loops.js';
import { askUnderLoad } from './load.js';
import { postOf, readSamples, sampleAt, type Sample, type Samples } from './samples.js';
import { inTurn, quantile, ratioOf, spreadOf, type Spread } from './statistics.js';
import { postsOf, withTagger, type Bench, type Tagger } from './suite.js';
import { withTopics } from './topics.js';

/** The ratios, and the figures that they are made of. */
export interface RatiosReport {
  readonly ratios: Record<string, Spread>;
  /** What is not measured, with the reason. */
  readonly leftOut: Record<string, string>;
  readonly figures: Record<string, Spread>;
  /** For how long the main thread did not come to its timers, at most, with all workers busy. */
  readonly eventLoopStallMs: Record<string, Spread>;
}

/** Why what needs a broker is left out where none is given. */
export const needsBrokers = 'needs a broker: give --brokers';

/** Measures the parts of the agent, each as a ratio of two figures measured in turn. */
export async function measureRatios(bench: Bench): Promise<RatiosReport> {
  const samples = await readSamples();
  const found: RatiosReport = { ratios: {}, leftOut: {}, figures: {}, eventLoopStallMs: {} };
  await measureText(bench, samples, found);
  await measurePhotos(bench, samples, found);
  await measurePassThrough(bench, found);
  await measureOld(bench, samples, found);
  found.ratios['rssGrowth'] = await rssGrowth(bench, samples.texts, tenfold(bench));
  bench.step();
  await measureLatency(bench, samples, found);
  return found;
}

const tenfold = ({ posts }: Bench): number => (posts === undefined ? 50_000 : 10 * posts);

/** Writes down a ratio with its two sides. */
function note(
  found: RatiosReport,
  name: string,
  over: readonly [string, readonly number[]],
  under: readonly [string, readonly number[]],
): void {
  found.ratios[name] = ratioOf(over[1], under[1]);
  for (const [figure, values] of [over, under]) found.figures[figure] = spreadOf(values);
}

async function measureText(bench: Bench, { texts }: Samples, found: RatiosReport): Promise<void> {
  const posts = postsOf(bench, 640);
  const one = bench.configWith({ inference: { workers: 1 } });
  const two = bench.configWith({ inference: { workers: 2 } });
  const withKafka = one.kafka.brokers.length > 0;
  const topic = { total: posts, partitions: 1, warmUp: 0 };
  const lines = Array.from({ length: posts }, (_, index) => postOf(sampleAt(texts, index)));
  await withBatches(bench, texts, posts, async (tagger, bare) => {
    await withTagger(two, async (pair) => {
      const measured = await inTurn(bench.rounds, {
        one: stepping(bench, async () => (await tagEmbedded(tagger, one, texts, posts)).postsPerSecond),
        two: stepping(bench, async () => (await tagEmbedded(pair, two, texts, posts)).postsPerSecond),
        bare: stepping(bench, async () => posts / (await bare.replay())),
        ...(withKafka
          ? {
              kafka: stepping(bench, () =>
                withTopics(bench, 1, lines, async ({ kafka }) => {
                  const config = { ...one, kafka };
                  return (await tagFromKafka(config, tagger, topic)).recordsPerSecond;
                }),
              ),
            }
          : {}),
      });
      const oneWorker = ['postsPerSecond', measured.one] as const;
      note(found, 'twoWorkersOverOne', ['postsPerSecondTwoWorkers', measured.two], oneWorker);
      note(found, 'pipelineOverBare', oneWorker, ['postsPerSecondBare', measured.bare]);
      if (measured.kafka === undefined) found.leftOut['kafkaOverEmbedded'] = needsBrokers;
      else note(found, 'kafkaOverEmbedded', ['postsPerSecondKafka', measured.kafka], oneWorker);
    });
  });
}

async function measurePhotos(bench: Bench, { texts, photos }: Samples, found: RatiosReport): Promise<void> {
  const posts = postsOf(bench, 640);
  const config = bench.configWith({ inference: { workers: 1 } });
  await withBatches(bench, photos, posts, async (tagger, bare) => {
    const measured = await inTurn(bench.rounds, {
      pipeline: stepping(
        bench,
        async () => (await tagEmbedded(tagger, config, photos, posts)).postsPerSecond,
      ),
      bare: stepping(bench, async () => posts / (await bare.replay())),
    });
    note(
      found,
      'pipelineOverBarePhotos',
      ['postsPerSecondPhotos', measured.pipeline],
      ['postsPerSecondBarePhotos', measured.bare],
    );
  });
  const all = bench.configWith({});
  await withTagger(all, async (tagger) => {
    const stalls = await inTurn(bench.rounds, {
      text: stepping(bench, async () => (await tagEmbedded(tagger, all, texts, posts)).stallMs),
      photos: stepping(bench, async () => (await tagEmbedded(tagger, all, photos, posts)).stallMs),
    });
    for (const [what, values] of Object.entries(stalls)) found.eventLoopStallMs[what] = spreadOf(values);
  });
}

/** Opens a model with one worker, and a bare loop over the batches that this worker runs for the same posts. */
async function withBatches(
  bench: Bench,
  samples: readonly Sample[],
  posts: number,
  use: (tagger: Tagger, bare: BareLoop) => Promise<void>,
): Promise<void> {
  const config = bench.configWith({ inference: { workers: 1 } });
  const requests: Request[] = [];
  let observing = false;
  const observe = (request: Request): void => {
    if (observing) requests.push(request);
  };
  await withTagger(
    config,
    async (tagger) => {
      await tagEmbedded(tagger, config, samples, 1);
      observing = true;
      await tagEmbedded(tagger, config, samples, posts);
      observing = false;
      const { provider } = tagger.slot.live.model;
      const photos = new Set(samples.flatMap(({ photo }) => photo ?? []));
      const bare = await startBareLoop(config, provider, requests, [...photos]);
      await use(tagger, bare);
      await bare.close();
    },
    observe,
  );
}

async function measurePassThrough(bench: Bench, found: RatiosReport): Promise<void> {
  const name = 'passThroughOverKafkajs';
  if (bench.configWith({}).kafka.brokers.length === 0) {
    found.leftOut[name] = needsBrokers;
    return;
  }
  const total = postsOf(bench, 640) * 10;
  // The first transactions have to find out who is who.
  const topic = { total, partitions: 1, warmUp: Math.ceil(total / 10) };
  const lines = Array.from({ length: total }, () => postOf({ text: 'a post' }));
  const tagger = emptyTagger();
  const { agent, kafkajs } = await inTurn(bench.rounds, {
    agent: stepping(bench, () =>
      withTopics(
        bench,
        1,
        lines,
        async (config) => (await tagFromKafka(config, tagger, topic)).recordsPerSecond,
      ),
    ),
    kafkajs: stepping(bench, () =>
      withTopics(bench, 1, lines, (config) => passThroughKafkajs(config, topic)),
    ),
  });
  note(found, name, ['recordsPerSecondPassThrough', agent], ['recordsPerSecondKafkajs', kafkajs]);
}

async function measureOld(bench: Bench, { texts, photos }: Samples, found: RatiosReport): Promise<void> {
  const { old } = bench;
  const { inference, model } = bench.configWith({});
  const provider = ['--provider', inference.provider];
  const own = ['--workers', '1', '--model', model.path, ...provider];
  for (const [name, samples, usual, what] of [
    ['newOverOld', texts, 640, ''],
    ['newOverOldPhotos', photos, 320, 'Photos'],
  ] as const) {
    if (old === undefined) {
      found.leftOut[name] = 'needs an older version: give --old';
      continue;
    }
    const posts = postsOf(bench, usual);
    const oldCommand = join(old, 'dist/cli.js');
    const measured = await inTurn(bench.rounds, {
      old: stepping(bench, () => cpuMsPerPost(oldCommand, provider, samples, posts)),
      new: stepping(bench, () => cpuMsPerPost(ownCommand, own, samples, posts)),
    });
    note(found, name, [`cpuMsPerPostOld${what}`, measured.old], [`cpuMsPerPost${what}`, measured.new]);
  }
}

async function measureLatency(bench: Bench, { texts }: Samples, found: RatiosReport): Promise<void> {
  const config = bench.configWith({});
  const posts = postsOf(bench, 640);
  const p99: { ratio: number; latencyMs: number }[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const capacity = await withTagger(config, (tagger) => tagEmbedded(tagger, config, texts, posts));
    const load = { postsPerSecond: capacity.postsPerSecond / 2, posts, seed: round };
    const answered = await askUnderLoad(config, texts, load);
    const p99Of = (key: 'ratio' | 'latencyMs') =>
      quantile(
        answered.map((answer) => answer[key]),
        0.99,
      );
    p99.push({ ratio: p99Of('ratio'), latencyMs: p99Of('latencyMs') });
    bench.step();
  }
  found.ratios['latencyAtHalfLoad'] = spreadOf(p99.map(({ ratio }) => ratio));
  found.figures['latencyMsAtHalfLoad'] = spreadOf(p99.map(({ latencyMs }) => latencyMs));
}

/** A measurement that tells the progress when it is done. */
const stepping =
  ({ step }: Bench, measure: () => Promise<number>) =>
  async (): Promise<number> => {
    const measured = await measure();
    step();
    return measured;
  };
