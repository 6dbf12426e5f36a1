import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { startAgent, type Agent } from '../agent.js';
import type { Config } from '../config/load.js';
import { exitCodes, StoppedError } from '../domain/errors.js';
import type { Settings } from '../config/sources.js';
import { nullOutput } from './null-output.js';
import { showProgress } from './progress.js';

const folder = fileURLToPath(new URL('../../assets/demo', import.meta.url));
/** Posts of a warm-up and of a measurement. */
const warmUpPosts = 64;
const measuredPosts = 640;

interface BenchPost {
  readonly text: string;
  readonly images?: readonly string[];
}

/** What one measurement is of. */
interface Load {
  /** Model threads; 0: as many as there are cores. */
  readonly threads: number;
  readonly photo: boolean;
}

interface Measurement {
  readonly tagger: Agent['tagger'];
  readonly posts: number;
  /** CPU time of the whole process, all threads, for each post. */
  readonly cpuMsPerPost: number;
  readonly postsPerSecond: number;
}

/** The rows of README's table, in its order. */
const loads: readonly Load[] = [
  { threads: 1, photo: false },
  { threads: 1, photo: true },
  { threads: 0, photo: false },
  { threads: 0, photo: true },
];
const batch = { maxSize: 16, maxWaitMs: 50 } as const;
/**
 * Settings that decide whether a post or its photo is taken at all, or what it costs, at their defaults. Free are the
 * model and its provider, which the report names.
 */
const everyPost: Settings = {
  kafka: { chunkSize: 64 },
  format: 'plain',
  noise: { languages: [], duplicateWindow: 0, maxTextLength: 25_000, skip: [] },
  images: {
    ...{ allow: [], timeoutMs: 5_000, maxBytes: 10_000_000, maxPixels: 50_000_000, concurrency: 32 },
    ...{ readText: false, cacheBytes: 67_108_864 },
  },
  output: { maxPhrases: 5, minScore: 0 },
  model: { without: [] },
};
/** Posts that wait for a model or are in it at the same time, at its default. */
const concurrency = 64;

/**
 * `tagstream bench`: the whole way from a post's bytes to its result line, on posts with and without a photo, with one
 * model thread and with all cores.
 *
 * @param configWith the configuration with these settings, whatever anybody else says: a measurement has to be of what
 * it is called
 * @throws StoppedError where not every post was tagged
 */
export async function bench(configWith: (forced: Settings) => Config): Promise<number> {
  const lines = (await readFile(`${folder}/posts.ndjson`, 'utf8')).split('\n').flatMap(asPost);
  const photos = (await readdir(`${folder}/photos`)).map((name) => `photos/${name}`);
  const withPhoto = await Promise.all(
    lines.flatMap(({ text, images = [] }) => {
      const photo = images.find((image) => photos.includes(image));
      return photo === undefined ? [] : [readFile(`${folder}/${photo}`).then((file) => ({ text, file }))];
    }),
  );
  const withoutPhoto = lines.map(({ text }) => ({ text }));
  const progress = showProgress('measurements', loads.length);
  const measurements = [];
  let measured: Agent['tagger'];
  for (const { threads, photo } of loads) {
    const config = configWith({ ...everyPost, inference: { threads, concurrency }, batch });
    const { tagger, ...measurement } = await measure(config, photo ? withPhoto : withoutPhoto);
    measured = tagger;
    measurements.push({ threads: threads === 0 ? cpus().length : threads, photo, ...measurement });
    progress.step();
  }
  progress.done();
  const report = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    model: measured?.slot.live.model.version,
    provider: measured?.slot.live.model.provider,
    batchSize: batch.maxSize,
    measurements,
  };
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  return exitCodes.done;
}

/** The post on a line of the demo's file; those lines that are bad on purpose give none. */
function asPost(line: string): BenchPost[] {
  try {
    const post = JSON.parse(line) as BenchPost;
    return typeof post.text === 'string' && post.text !== '' ? [post] : [];
  } catch {
    return [];
  }
}

/** A post to measure with, and the file of its photo. */
interface Sample {
  readonly text: string;
  readonly file?: Buffer;
}

/** A post of its own: no photo is the same file as another, so that each is decoded and looked at. */
function lineOf({ text, file }: Sample, index: number): string {
  const id = `bench-${index}`;
  if (file === undefined) return `${JSON.stringify({ id, text })}\n`;
  // What stands behind a JPEG's end is not looked at.
  const photo = Buffer.concat([file, Buffer.from(id)]).toString('base64');
  return `${JSON.stringify({ id, text, images: [`data:image/jpeg;base64,${photo}`] })}\n`;
}

async function measure(config: Config, samples: readonly Sample[]): Promise<Measurement> {
  const total = warmUpPosts + measuredPosts;
  const lines = Array.from({ length: total }, (_, index) =>
    lineOf(samples[index % samples.length] ?? { text: '' }, index),
  );
  let done = 0;
  let untagged = 0;
  let start = { at: 0, cpu: process.cpuUsage() };
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: 'bench', stream: Readable.from(lines.join('')) },
      output: { name: 'nowhere', stream: nullOutput() },
    },
    web: false,
    observe(outcomes) {
      done += outcomes.length;
      untagged += outcomes.filter(({ kind }) => kind !== 'tagged').length;
      if (done <= warmUpPosts) start = { at: performance.now(), cpu: process.cpuUsage() };
    },
  });
  await agent.finished;
  if (done !== total || untagged > 0) {
    throw new StoppedError(`${done - untagged} of ${total} posts were tagged: nothing is measured`);
  }
  const { user, system } = process.cpuUsage(start.cpu);
  return {
    tagger: agent.tagger,
    posts: measuredPosts,
    cpuMsPerPost: round((user + system) / 1000 / measuredPosts),
    postsPerSecond: round((measuredPosts * 1000) / (performance.now() - start.at)),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
