import { tagEmbedded } from './embedded.js';
import { readSamples } from './samples.js';
import { pointsInTurn, spreadOf, type Spread } from './statistics.js';
import { openBenchTagger, postsOf, type Bench } from './suite.js';

/** A row of the table in README. */
export interface PostsRow {
  readonly workers: number;
  readonly threads: number;
  readonly photo: boolean;
  /** Posts of each measurement. */
  readonly posts: number;
  readonly cpuMsPerPost: Spread;
  readonly postsPerSecond: Spread;
}

/** Posts with and without a photo, with one worker and with as many as `auto` comes to. */
export async function measurePosts(bench: Bench): Promise<readonly PostsRow[]> {
  const { texts, photos } = await readSamples();
  const posts = postsOf(bench, 640);
  const configs = [bench.configWith({ inference: { workers: 1 } }), bench.configWith({})];
  const open = await Promise.all(
    configs.map(async (config) => ({ config, tagger: await openBenchTagger(config) })),
  );
  const loads = open.flatMap((opened) => [false, true].map((photo) => ({ ...opened, photo })));
  const measured = await pointsInTurn(bench.rounds, loads, async ({ config, tagger, photo }) => {
    const throughput = await tagEmbedded(tagger, config, photo ? photos : texts, posts);
    bench.step();
    return throughput;
  });
  for (const { tagger } of open) await tagger.close();
  return measured.map(({ point: { config, tagger, photo }, measured: rounds }) => ({
    workers: tagger.slot.live.workers,
    threads: config.inference.threads,
    photo,
    posts,
    cpuMsPerPost: spreadOf(rounds.map(({ cpuMsPerPost }) => cpuMsPerPost)),
    postsPerSecond: spreadOf(rounds.map(({ postsPerSecond }) => postsPerSecond)),
  }));
}
