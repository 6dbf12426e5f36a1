import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { startAgent } from '../agent.js';
import type { Config } from '../config.js';
import { exitCodes, StoppedError } from '../domain/errors.js';
import { f1At1Interval } from '../evaluation/confidence-interval.js';
import { evaluate } from '../evaluation/measures.js';
import { alignPredictions, parsePredictions } from '../evaluation/predictions.js';
import { formatTable } from '../evaluation/table.js';
import { createPostCleaner } from '../tagger.js';
import { contentOf, createOutput } from './files.js';
import { readLabelledPosts, type LabelledPost } from './labelled-posts.js';
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
  /** Leaves out images and what upstream services gave for them. */
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
  const cleanText = createPostCleaner(config);
  const cases = posts.map(({ post, keyphrases }, index) => ({
    text: cleanText(post.text),
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

/**
 * The phrases predicted for each post, in order; none for a post that is not tagged. Images are taken from the network
 * alone: the figures of a set of posts must not depend on what else lies on this machine.
 *
 * @throws StoppedError where not all posts were tagged: the measures of a part would say nothing
 */
async function tagPosts(
  config: Config,
  posts: readonly LabelledPost[],
  { file, textOnly, results }: EvalOptions,
): Promise<readonly (readonly string[])[]> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const lines = posts.map(({ post: { images, enrichment, ...text } }) => {
    return `${JSON.stringify(textOnly === true ? text : { ...text, images, enrichment })}\n`;
  });
  const output = results === undefined ? nowhere() : await createOutput(results);
  const progress = showProgress('posts', posts.length);
  const predicted: (readonly string[])[] = [];
  const agent = await startAgent(config, {
    transport: {
      kind: 'ndjson',
      input: { name: basename(file), stream: Readable.from(lines.join('')) },
      output: { name: results ?? 'nowhere', stream: output },
    },
    web: false,
    stopping,
    observe(outcomes) {
      for (const outcome of outcomes) {
        predicted.push(
          outcome.kind === 'tagged' ? outcome.result.keyphrases.map(({ phrase }) => phrase) : [],
        );
        progress.step();
      }
    },
  });
  await agent.finished;
  output.end();
  progress.done();
  if (predicted.length === posts.length) return predicted;
  throw new StoppedError(`stopped after ${predicted.length} of ${posts.length} posts: nothing is measured`);
}
