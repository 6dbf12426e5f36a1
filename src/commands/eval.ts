import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { startAgent } from '../agent.js';
import type { Config } from '../config.js';
import { exitCodes, InputError } from '../domain/errors.js';
import { f1At1Interval } from '../evaluation/confidence-interval.js';
import { evaluate } from '../evaluation/measures.js';
import { alignPredictions, parsePredictions } from '../evaluation/predictions.js';
import { formatTable } from '../evaluation/table.js';
import { readLabelledPosts, type LabelledPost } from '../formats/benchmark.js';
import { nowhere } from './nowhere.js';
import { showProgress } from './progress.js';
import { stopOnSignals } from './signals.js';

/** Of the interval's random draws: the same posts give the same interval. */
const intervalSeed = 1;

export interface EvalOptions {
  /** Posts with their true keyphrases, as NDJSON. */
  readonly file: string;
  /** Predictions made elsewhere, to be measured instead of the model's. */
  readonly predictions?: string;
  /** Leaves out what upstream services gave for the image. */
  readonly textOnly?: boolean;
  /** Where the results go as NDJSON. */
  readonly results?: string;
  /** JSON on standard output instead of a table. */
  readonly json?: boolean;
}

/** `tagstream eval`: tags posts whose keyphrases are known, the way `tag` and `run` do, and measures the result. */
export async function evaluateFile(config: Config, options: EvalOptions): Promise<number> {
  const posts = readLabelledPosts(await contentOf(options.file));
  const predicted =
    options.predictions === undefined
      ? await tagPosts(config, posts, options)
      : alignPredictions(
          posts.map(({ post }) => post.id),
          parsePredictions(await contentOf(options.predictions)),
        );
  const cases = posts.map(({ post, keyphrases }, index) => ({
    text: post.text,
    gold: keyphrases,
    predicted: predicted[index] ?? [],
  }));
  const evaluation = evaluate(cases);
  const interval = f1At1Interval(cases, { seed: intervalSeed });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ...evaluation, f1At1Interval: interval }, undefined, 2)}\n`
      : `${formatTable(evaluation, interval)}\n`,
  );
  return exitCodes.done;
}

/** The phrases predicted for each post, in order; none for a post that is not tagged. */
async function tagPosts(
  config: Config,
  posts: readonly LabelledPost[],
  { file, textOnly, results }: EvalOptions,
): Promise<readonly (readonly string[])[]> {
  const lines = posts.map(({ post }) => {
    const { enrichment, ...textAlone } = post;
    return `${JSON.stringify(textOnly === true ? textAlone : { ...textAlone, enrichment })}\n`;
  });
  const progress = showProgress('posts', posts.length);
  const predicted: (readonly string[])[] = [];
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: Readable.from(lines.join('')),
      name: basename(file),
      output: results === undefined ? nowhere() : createWriteStream(results),
    },
    web: false,
    imageFolder: dirname(resolve(file)),
    observe(outcomes) {
      for (const outcome of outcomes) {
        predicted.push(
          outcome.kind === 'tagged' ? outcome.result.keyphrases.map(({ phrase }) => phrase) : [],
        );
        progress.step();
      }
    },
  });
  stopOnSignals(agent, config.shutdown.timeoutMs);
  await agent.finished;
  progress.done();
  return predicted;
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new InputError(`${file} cannot be read: ${(error as Error).message}`);
  }
}
