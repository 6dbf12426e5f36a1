import { Readable } from 'node:stream';
import { expectTagged } from './embedded.js';
import { ownCommand, runChild } from './child.js';
import { postOf, sampleAt, type Sample } from './samples.js';
import { ratioOf, type Spread } from './statistics.js';
import type { Bench } from './suite.js';

function* linesOf(samples: readonly Sample[], count: number): Generator<string> {
  for (let index = 0; index < count; index += 1) yield `${postOf(sampleAt(samples, index))}\n`;
}

/**
 * CPU time of a post in a version's own `tag`, with one thread. Its start is left out: it is the difference between a run
 * with twice the posts and one with them.
 *
 * @param command the version's `cli.js`
 * @param args more arguments
 */
export async function cpuMsPerPost(
  command: string,
  args: readonly string[],
  samples: readonly Sample[],
  posts: number,
): Promise<number> {
  const used = async (count: number): Promise<number> => {
    const flags = ['tag', '-', '--threads', '1', ...args];
    const { cpuMs, lines } = await runChild(command, flags, Readable.from(linesOf(samples, count)));
    expectTagged(lines, count);
    return cpuMs;
  };
  const once = await used(posts);
  return ((await used(2 * posts)) - once) / posts;
}

/** How often the memory is looked at, at each of its two places. */
const readings = 5;

/**
 * Memory of a `tag` after ten times as many posts over that before. One process is measured, since it takes long: the
 * memory is read five times from where so many posts are done, and five times up to the end.
 *
 * @param posts how many are done at the end
 */
export async function rssGrowth(bench: Bench, samples: readonly Sample[], posts: number): Promise<Spread> {
  const { model, inference } = bench.configWith({});
  const [early, late]: [number[], number[]] = [[], []];
  const gap = Math.max(1, Math.floor(posts / 100));
  const places = Array.from({ length: readings }, (_, at) => at * gap);
  const args = ['tag', '-', '--provider', inference.provider, '--model', model.path];
  const { lines } = await runChild(
    ownCommand,
    args,
    Readable.from(linesOf(samples, posts)),
    (count, bytes) => {
      if (places.some((place) => count === Math.ceil(posts / 10) + place)) early.push(bytes);
      if (places.some((place) => count === posts - place)) late.push(bytes);
    },
  );
  expectTagged(lines, posts);
  return ratioOf(late, early);
}
