import { InputError } from '../domain/errors.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';

/** What was predicted for one post, best first. */
export interface Prediction {
  /** The post's id, where the file gives it. */
  readonly id?: string;
  readonly phrases: readonly string[];
  /** The first phrase's score, in [0, 1], where the file gives it. */
  readonly firstScore?: number;
  /** Stands for a post that could not be tagged, of which the file says no more. */
  readonly untagged?: true;
}

/** A file of predictions that cannot be used, with the line (from 1) where there is one to blame. */
export class PredictionsError extends InputError {
  override readonly name = 'PredictionsError';

  constructor(problem: string, line?: number) {
    super(line === undefined ? problem : `line ${line}: ${problem}`);
  }
}

/**
 * Reads predictions made elsewhere: either a line of phrases a post ("a;b;c", best first, an empty line for
 * none), or NDJSON whose lines have `keyphrases` (strings, or objects with a `phrase`, as results have them)
 * and may have an `id`. What `tag` writes for a post that it could not tag, an `error`, is no prediction. The first line
 * that is not empty tells which.
 *
 * @throws PredictionsError at the first line that is neither.
 */
export function parsePredictions(text: string): readonly Prediction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const isNdjson = lines.find((line) => line.trim() !== '')?.startsWith('{') ?? false;
  if (!isNdjson) return lines.map((line) => ({ phrases: splitPhrases(line) }));
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [parseResult(line, index + 1)]));
}

/**
 * Brings predictions into the order of the posts they belong to: by id where every prediction has one, else
 * line by line. By id, the posts that could not be tagged are those that are left.
 *
 * @returns the prediction for each post, in the order of `ids`.
 * @throws PredictionsError where a post has no prediction or two, an id two posts, or the numbers of lines differ.
 */
export function alignPredictions(
  ids: readonly string[],
  predictions: readonly Prediction[],
): readonly Prediction[] {
  if (predictions.length !== ids.length) {
    throw new PredictionsError(`${predictions.length} predictions for ${ids.length} posts`);
  }
  const tagged = predictions.filter(({ untagged }) => untagged !== true);
  if (tagged.some(({ id }) => id === undefined)) return predictions;
  const twice = firstTwice(ids);
  if (twice !== undefined) throw new PredictionsError(`two posts have the id "${twice}"`);
  const byId = new Map(tagged.map((prediction) => [prediction.id, prediction]));
  const [left] = ids.filter((id) => !byId.has(id)).slice(predictions.length - tagged.length);
  if (left !== undefined) throw new PredictionsError(`no prediction for the post "${left}"`);
  return ids.map((id) => byId.get(id) ?? { phrases: [], untagged: true });
}

function firstTwice(ids: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return ids.find((id) => seen.size === seen.add(id).size);
}

function splitPhrases(line: string): readonly string[] {
  return line
    .split(';')
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== '');
}

function parseResult(line: string, lineNumber: number): Prediction {
  const result = parseObject(line, lineNumber);
  if (isJsonObject(result['error'])) return { phrases: [], untagged: true };
  const keyphrases = result['keyphrases'];
  if (!Array.isArray(keyphrases)) throw new PredictionsError('it has no list of keyphrases', lineNumber);
  const phrases = keyphrases.map((keyphrase: unknown) => {
    const phrase = isJsonObject(keyphrase) ? keyphrase['phrase'] : keyphrase;
    if (typeof phrase !== 'string') throw new PredictionsError('a keyphrase has no phrase', lineNumber);
    return phrase;
  });
  const id = result['id'];
  const first: unknown = keyphrases[0];
  const score = isJsonObject(first) ? first['score'] : undefined;
  if (score !== undefined && !isProbability(score)) {
    throw new PredictionsError('the first keyphrase has a score that is not between 0 and 1', lineNumber);
  }
  return {
    ...(typeof id === 'string' && { id }),
    phrases,
    ...(score !== undefined && { firstScore: score }),
  };
}

function isProbability(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

function parseObject(line: string, lineNumber: number): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new PredictionsError('it is not JSON', lineNumber);
  }
  if (!isJsonObject(value)) throw new PredictionsError('it is not a JSON object', lineNumber);
  return value;
}
