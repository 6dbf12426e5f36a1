import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load.js';
import type { Settings } from '../config/sources.js';
import { exitCodes } from '../domain/errors.js';
import { measureCuda } from './bench/cuda.js';
import { measureCurves } from './bench/curves.js';
import { drawCurves } from './bench/draw-curves.js';
import { measurePosts } from './bench/posts.js';
import { measureRatios } from './bench/ratios.js';
import { describeMachine, measuring, type Bench } from './bench/suite.js';
import { tableOf } from './bench/table.js';
import { showProgress } from './progress.js';

/** What can be measured. */
export const suites = ['posts', 'ratios', 'curves', 'cuda'] as const;
export type Suite = (typeof suites)[number];

/** What the command line says, as text. */
export interface BenchOptions {
  readonly rounds: string;
  readonly posts?: string;
  /** Folder of an older version, with its `dist` and `node_modules`. */
  readonly old?: string;
  /** Folder for the curves as SVG. */
  readonly svg?: string;
}

/**
 * `tagstream bench`: measures this machine, and prints a report as JSON: the machine, and what each suite found. Every
 * figure has its median, least and greatest over the rounds. A terminal gets them as a table on standard error too.
 *
 * @param configWith the configuration with these settings, whatever anybody else says
 * @param refuse is told of an option that cannot be used, and does not return
 * @throws StoppedError where not every post was tagged
 */
export async function bench(
  asked: readonly Suite[],
  options: BenchOptions,
  configWith: (forced: Settings) => Config,
  refuse: (message: string) => never,
): Promise<number> {
  const { old, svg } = options;
  if (old !== undefined && !existsSync(join(old, 'dist/cli.js')))
    refuse(`--old ${old}: give a folder with node_modules and dist/cli.js`);
  const progress = showProgress('measurements');
  const given: Bench = {
    rounds: countOf('--rounds', options.rounds, refuse),
    posts: options.posts === undefined ? undefined : countOf('--posts', options.posts, refuse),
    old,
    configWith: measuring(configWith),
    step: progress.step,
  };
  const has = (suite: Suite): boolean => asked.includes(suite);
  const machine = await describeMachine(given);
  const leftOut: Record<string, string> = {};
  const report: Record<string, unknown> = { machine, rounds: given.rounds };
  if (has('posts')) report['posts'] = await measurePosts(given);
  if (has('ratios')) {
    const { leftOut: reasons, ...found } = await measureRatios(given);
    Object.assign(report, found);
    Object.assign(leftOut, reasons);
  }
  if (has('curves')) {
    const { leftOut: reasons, curves } = await measureCurves(given, machine);
    report['curves'] = curves;
    Object.assign(leftOut, reasons);
    if (svg !== undefined) await drawCurves(svg, curves, machine);
  }
  if (has('cuda')) report['cuda'] = await measureCuda(given);
  if (Object.keys(leftOut).length > 0) report['leftOut'] = leftOut;
  progress.done();
  if (process.stderr.isTTY) process.stderr.write(`${tableOf(report)}\n`);
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  return exitCodes.done;
}

/** @param refuse as of {@link bench} */
function countOf(flag: string, text: string, refuse: (message: string) => never): number {
  if (!/^0*[1-9]\d*$/.test(text)) refuse(`${flag} ${text}: give a whole number from 1`);
  return Number(text);
}
