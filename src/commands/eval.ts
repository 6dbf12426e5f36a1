import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { startAgent } from '../agent.js';
import type { Config } from '../config/load.js';
import { exitCodes, InputError, StoppedError } from '../domain/errors.js';
import type { Outcome, Tagged } from '../domain/outcome.js';
import { calibrationOf } from '../evaluation/calibration.js';
import { f1At1Interval } from '../evaluation/confidence-interval.js';
import { evaluate } from '../evaluation/measures.js';
import { alignPredictions, parsePredictions, type Prediction } from '../evaluation/predictions.js';
import { formatTable } from '../evaluation/table.js';
import { createPostCleaner } from '../tagger.js';
import { contentOf, createOutput } from './files.js';
import { readLabelledPosts, type LabelledPost } from './labelled-posts.js';
import { nullOutput } from './null-output.js';
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
  const content = await contentOf(options.file);
  const posts = naming(options.file, () => readLabelledPosts(content));
  const { predicted, untagged } =
    options.predictions === undefined
      ? await tagPosts(config, posts, options)
      : await readPredictions(options.predictions, posts);
  const cleanText = createPostCleaner(config);
  const cases = posts.map(({ post, keyphrases }, index) => ({
    text: cleanText(post.text),
    gold: keyphrases,
    predicted: predicted[index]?.phrases ?? [],
    firstScore: predicted[index]?.firstScore,
  }));
  const evaluation = evaluate(cases);
  const interval = f1At1Interval(cases, { seed: intervalSeed });
  const calibration = calibrationOf(cases);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ...evaluation, f1At1Interval: interval, calibration }, undefined, 2)}\n`
      : `${formatTable(evaluation, interval, calibration)}\n`,
  );
  if (untagged === 0) return exitCodes.done;
  process.stderr.write(
    `${untagged} of ${posts.length} posts are not tagged, and measured as if without phrases\n`,
  );
  return exitCodes.badInput;
}

interface Predicted {
  /** For each post, in order; without phrases for a post that is not tagged. */
  readonly predicted: readonly Prediction[];
  /** How many posts are not tagged. */
  readonly untagged: number;
}

async function readPredictions(file: string, posts: readonly LabelledPost[]): Promise<Predicted> {
  const content = await contentOf(file);
  const ids = posts.map(({ post }) => post.id);
  return naming(file, () => {
    const predictions = parsePredictions(content);
    const untagged = predictions.filter((prediction) => prediction.untagged === true).length;
    return { predicted: alignPredictions(ids, predictions), untagged };
  });
}

/** Names the file where its content is refused: two may have been given. */
function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: ${error.message}`, { cause: error });
  }
}

/**
 * Predicts as the agent would; each post that is not tagged is told with its number. Images are taken from the network
 * alone: the figures of a set of posts must not depend on what else lies on this machine.
 *
 * @throws StoppedError where not all posts were tagged: the measures of a part would say nothing
 */
async function tagPosts(
  config: Config,
  posts: readonly LabelledPost[],
  { file, textOnly, results }: EvalOptions,
): Promise<Predicted> {
  const stopping = stopOnSignals(config.shutdown.timeoutMs);
  const lines = posts.map(({ post: { images, enrichment, ...text } }) => {
    return `${JSON.stringify(textOnly === true ? text : { ...text, images, enrichment })}\n`;
  });
  const output = results === undefined ? nullOutput() : await createOutput(results);
  const progress = showProgress('posts', posts.length);
  const predicted: Prediction[] = [];
  let untagged = 0;
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
        progress.step();
        if (outcome.kind === 'tagged') {
          predicted.push(asPrediction(outcome));
          continue;
        }
        untagged += 1;
        predicted.push({ phrases: [], untagged: true });
        progress.say(`${basename(file)}, post ${predicted.length}: ${whyNot(outcome)}`);
      }
    },
  });
  await agent.finished;
  output.end();
  progress.done();
  if (predicted.length === posts.length) return { predicted, untagged };
  throw new StoppedError(`stopped after ${predicted.length} of ${posts.length} posts: nothing is measured`);
}

function asPrediction({ result: { keyphrases } }: Tagged): Prediction {
  const phrases = keyphrases.map(({ phrase }) => phrase);
  const [first] = keyphrases;
  return first === undefined ? { phrases } : { phrases, firstScore: first.score };
}

function whyNot(outcome: Exclude<Outcome, Tagged>): string {
  if (outcome.kind === 'dead-letter') return `${outcome.reason}: ${outcome.detail}`;
  return outcome.kind === 'skipped' ? `skipped: ${outcome.reason}` : 'deleted';
}
