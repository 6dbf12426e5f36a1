import { z } from 'zod';
import { expected } from './faults.js';

/**
 * Bounds on what goes from a post into its result, far above what any platform sends. Within them a result fits a Kafka
 * record; without them one post could make a result that no broker takes.
 */
const longestId = 1_000;
const longestWord = 200;
const mostWords = 200;
const longestImageText = 100_000;

const string = z.string(expected('a string'));

/** A post's id as text; empty ones are refused as `what` says. */
export const idOf = (what: string) =>
  string
    .min(1, expected(what))
    .max(longestId, `longer than ${longestId} UTF-16 units`)
    .refine(isWellFormed, 'a surrogate stands alone in it, which a key cannot carry');

/** Whether it is the same once it was written as UTF-8; `String.prototype.isWellFormed` is not in ES2023's types. */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** Words for what an image shows. */
export const words = z
  .array(string.max(longestWord, `longer than ${longestWord} UTF-16 units`), expected('a list of strings'))
  .max(mostWords, `more than ${mostWords} entries`);

/** Text that was read in an image. */
export const imageText = string.max(longestImageText, `longer than ${longestImageText} UTF-16 units`);

/** Why an id that comes without a post cannot be taken, if so. */
export function faultOfId(id: string): string | undefined {
  return id.length > longestId ? `the id is longer than ${longestId} UTF-16 units` : undefined;
}
