import { z } from 'zod';
import type { Post } from '../domain/post.js';
import { describeIssues } from './plain.js';
import { rejected, type JsonObject, type ReadResult } from './read-post.js';

const text = z.string('expected a string');
const id = text.min(1, 'expected a string that is not empty');

const tweet = z.object({
  id,
  text,
  /** Posts of over 280 characters have their whole text here. */
  note_tweet: z.object({ text }).optional(),
  lang: text.optional(),
  created_at: text.optional(),
  attachments: z.object({ media_keys: z.array(text).default([]) }).optional(),
  referenced_tweets: z.array(z.object({ type: text, id })).default([]),
});
type Tweet = z.output<typeof tweet>;

const media = z.object({
  media_key: text,
  type: text,
  /** Photos have a `url`, videos and GIFs only a picture of their beginning. */
  url: text.optional(),
  preview_image_url: text.optional(),
});

/** What the filtered stream of the X API v2 sends for a post, with the expansions that were asked for. */
const streamed = z.object({
  data: tweet,
  includes: z
    .object({ media: z.array(media).default([]), tweets: z.array(tweet).default([]) })
    .default({ media: [], tweets: [] }),
});

/** Whether content has the shape of the filtered stream: a post under `data`, or the stream's own report of errors. */
export function isXV2({ data, errors }: JsonObject): boolean {
  return (
    (typeof data === 'object' && data !== null && !Array.isArray(data) && 'text' in data) ||
    (data === undefined && Array.isArray(errors))
  );
}

/**
 * Reads a post of the X API v2 filtered stream. The text is the author's own, whole where `note_tweet` has it, as it
 * came in: what is escaped in it ("&amp;") is decoded when it is cleaned, so that spans count in the text as sent. A
 * repost's own text is cut short, so the reposted text and its images stand for it where they were included.
 */
export function readXV2(content: JsonObject): ReadResult {
  if (!('data' in content)) {
    return rejected('invalid_post', 'data: missing; this is an error report of the stream, not a post');
  }
  const parsed = streamed.safeParse(content);
  if (!parsed.success) return rejected('invalid_post', describeIssues(parsed.error));
  const { data, includes } = parsed.data;
  const source = repostedBy(data, includes.tweets) ?? data;
  const keys = source.attachments?.media_keys ?? data.attachments?.media_keys ?? [];
  const images = keys.flatMap((key) => {
    const found = includes.media.find(({ media_key }) => media_key === key);
    const url = found?.url ?? found?.preview_image_url;
    return url === undefined ? [] : [url];
  });
  return { kind: 'post', post: toPost(data, source, images) };
}

function repostedBy({ referenced_tweets }: Tweet, included: readonly Tweet[]): Tweet | undefined {
  const reposted = referenced_tweets.find(({ type }) => type === 'retweeted');
  return reposted && included.find((candidate) => candidate.id === reposted.id);
}

function toPost({ id: postId, created_at, lang }: Tweet, source: Tweet, images: readonly string[]): Post {
  return {
    id: postId,
    text: source.note_tweet?.text ?? source.text,
    images,
    ...(created_at === undefined ? {} : { createdAt: created_at }),
    ...(lang === undefined ? {} : { language: lang }),
  };
}
