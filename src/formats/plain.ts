import { z } from 'zod';
import type { Enrichment, Post } from '../domain/post.js';
import { isObject, rejected, type JsonObject, type ReadResult } from './read-post.js';

const text = z.string('expected a string');
const words = z.array(text, 'expected a list of strings');

/** Ids are text; a whole number is taken as its digits while JSON gives it exactly. */
export const postId = z.union(
  [z.string().min(1), z.int().transform(String)],
  'expected a string that is not empty',
);

const plainPost = z.object({
  id: postId,
  text,
  images: words.default([]),
  createdAt: text.exactOptional(),
  language: text.exactOptional(),
  enrichment: z
    .object(
      {
        entities: words.exactOptional(),
        imageText: text.exactOptional(),
        attributes: words.exactOptional(),
        match: z
          .number('expected a number')
          .min(0, 'expected 0 to 1')
          .max(1, 'expected 0 to 1')
          .exactOptional(),
      },
      'expected an object',
    )
    .exactOptional(),
}) satisfies z.ZodType<Post & { readonly enrichment?: Enrichment }>;

/** Reads a post in tagstream's own format. Only `id` and `text` are required; null counts as absent, unknown fields as nothing. */
export function readPlain(content: JsonObject): ReadResult {
  const parsed = plainPost.safeParse(withoutNulls(content));
  return parsed.success
    ? { kind: 'post', post: parsed.data }
    : rejected('invalid_post', describeIssues(parsed.error));
}

/** Every fault in a few words, each with the path of its field: `images[1]: expected a string`. */
export function describeIssues({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${pathOf(path)}: ${message}`).join('; ');
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

function withoutNulls(content: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(content)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isObject(value) ? withoutNulls(value) : value]),
  );
}
