import { z } from 'zod';
import { InputError } from '../domain/errors.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { Post } from '../domain/post.js';
import { describeFaults, expected } from '../formats/faults.js';
import { readPlain } from '../formats/plain.js';

/** A post whose true keyphrases are known. */
export interface LabelledPost {
  readonly post: Post;
  readonly keyphrases: readonly string[];
}

/** A file of labelled posts that cannot be used; the message names the line. */
export class LabelledPostsError extends InputError {
  override readonly name = 'LabelledPostsError';
}

const labels = z.object({
  keyphrases: z.array(z.string(expected('a string')), expected('a list of strings')),
});

/**
 * Reads NDJSON of labelled posts: plain posts with `keyphrases`, or the benchmark's own lines, whose `ocr`,
 * `entities`, `attributes` and `match` are taken as enrichment. Empty lines are passed over.
 *
 * @throws LabelledPostsError at the first line that is neither
 */
export function readLabelledPosts(content: string): readonly LabelledPost[] {
  return content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [readLine(line, index + 1)]));
}

function readLine(line: string, number: number): LabelledPost {
  const refuse = (problem: string): never => {
    throw new LabelledPostsError(`line ${number}: ${problem}`);
  };
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    return refuse('not JSON');
  }
  if (!isJsonObject(content)) return refuse('not a JSON object');
  const labelled = labels.safeParse(content);
  if (!labelled.success) return refuse(describeFaults(labelled.error));
  const read = readPlain(asPlain(content));
  if (read.kind !== 'post') return refuse(read.kind === 'rejected' ? read.detail : 'not a post');
  return { post: read.post, keyphrases: labelled.data.keyphrases };
}

/** The benchmark's `image` is the name of a file that does not come with it. */
function asPlain({ ocr, entities, attributes, match, image: _, ...post }: JsonObject): JsonObject {
  if (ocr === undefined && entities === undefined && attributes === undefined) return post;
  return { ...post, enrichment: { imageText: ocr, entities, attributes, match } };
}
