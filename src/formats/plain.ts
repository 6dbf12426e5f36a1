import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { Enrichment, Post } from '../domain/post.js';
import { idOf, imageText, words } from './bounds.js';
import { describeFaults, expected } from './faults.js';
import { rejected, type ReadResult } from './read-post.js';

const text = z.string(expected('a string'));
const idLike = 'a string that is not empty, or a whole number within 2^53';
const probability = 'a number from 0 to 1';

const plainPost = z.object({
  /** A whole number is taken as its digits where JSON gives it exactly, that is within 2^53. */
  id: z.union([idOf(idLike), z.int().transform(String)], expected(idLike)),
  text,
  images: z.array(text, expected('a list of strings')).default([]),
  createdAt: text.exactOptional(),
  language: text.exactOptional(),
  enrichment: z
    .object(
      {
        entities: words.exactOptional(),
        imageText: imageText.exactOptional(),
        attributes: words.exactOptional(),
        match: z
          .number(expected(probability))
          .min(0, expected(probability))
          .max(1, expected(probability))
          .exactOptional(),
      },
      expected('an object'),
    )
    .exactOptional(),
}) satisfies z.ZodType<Post & { readonly enrichment?: Enrichment }>;

/** Reads a post in tagstream's own format. Only `id` and `text` are required; null counts as absent, unknown fields as nothing. */
export function readPlain(content: JsonObject): ReadResult {
  const { enrichment } = content;
  const parsed = plainPost.safeParse(
    withoutNulls({
      ...content,
      enrichment: isJsonObject(enrichment) ? withoutNulls(enrichment) : enrichment,
    }),
  );
  return parsed.success
    ? { kind: 'post', post: parsed.data }
    : rejected('invalid_post', describeFaults(parsed.error));
}

/** Many producers write what they don't know as null. */
function withoutNulls(content: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(content).filter(([, value]) => value !== null && value !== undefined),
  );
}
