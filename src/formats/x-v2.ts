import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { Post } from '../domain/post.js';
import { idOf } from './bounds.js';
import { describeFaults, expected } from './faults.js';
import { rejected, type ReadResult } from './read-post.js';

const text = z.string(expected('a string'));
const id = idOf('a string that is not empty');
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item, expected('a list'))
    .nullish()
    .transform((list) => list ?? []);
/** Null counts as absent, as in plain posts. */
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);
const object = <T extends z.core.$ZodShape>(shape: T) => z.object(shape, expected('an object'));

const tweet = object({
  id,
  text,
  /** Posts of over 280 characters have their whole text here. */
  note_tweet: optional(object({ text })),
  lang: optional(text),
  created_at: optional(text),
  attachments: optional(object({ media_keys: listOf(text) })),
  referenced_tweets: listOf(object({ type: text, id })),
  entities: optional(
    object({
      urls: listOf(object({ url: text, expanded_url: optional(text), media_key: optional(text) })),
    }),
  ),
});
type Tweet = z.output<typeof tweet>;

const media = object({
  media_key: text,
  /** Photos have a `url`, videos and GIFs only a picture of their beginning. */
  url: optional(text),
  preview_image_url: optional(text),
});

/** What the filtered stream of the X API v2 sends for a post, with the expansions that were asked for. */
const streamed = object({
  data: tweet,
  includes: object({ media: listOf(media), tweets: listOf(tweet) })
    .nullish()
    .transform((includes) => includes ?? { media: [], tweets: [] }),
});

/** What the compliance stream of the X API v2 sends for a post that was deleted. */
const deletion = z.object({ data: z.object({ delete: z.object({ tweet: z.object({ id }) }) }) });

/** What a stream says of itself, for example before it disconnects. */
const report = z.object({ title: z.string().catch('untitled'), detail: z.string().catch('no detail') });

/** Whether content has the shape of a stream of the X API v2: something under `data`, or a report of errors. */
export function isXV2(content: JsonObject): boolean {
  if ('id' in content || 'text' in content) return false;
  return isJsonObject(content['data']) || (content['data'] === undefined && Array.isArray(content['errors']));
}

/**
 * Reads a message of the X API v2's streams. The text is the author's own, whole where `note_tweet` has it, as it
 * came in: what is escaped in it ("&amp;") is decoded when it is cleaned, so that spans count in the text as sent.
 * Only the link to the post's own photo at its very end is cut, which moves no span. A repost's own text is cut
 * short by X, so the reposted text and its images stand for it where they were included. Errors beside `data` tell
 * of expansions that could not be had, and are passed over.
 */
export function readXV2(content: JsonObject): ReadResult {
  const { data, errors } = content;
  if (data === undefined && Array.isArray(errors)) return rejected('invalid_post', describeReport(errors[0]));
  const deleted = deletion.safeParse(content);
  if (deleted.success) return { kind: 'tombstone', id: deleted.data.data.delete.tweet.id };
  const parsed = streamed.safeParse(content);
  if (!parsed.success) return rejected('invalid_post', describeFaults(parsed.error));
  return { kind: 'post', post: toPost(parsed.data) };
}

function describeReport(error: unknown): string {
  const { title, detail } = report.catch({ title: 'untitled', detail: 'no detail' }).parse(error);
  return `data: missing; this is an error report of the stream: ${title}: ${detail}`.slice(0, 300);
}

function toPost({ data, includes }: z.output<typeof streamed>): Post {
  const source = repostedBy(data, includes.tweets) ?? data;
  const keys = mediaKeysOf(source).length > 0 ? mediaKeysOf(source) : mediaKeysOf(data);
  const mediaByKey = new Map(includes.media.map((found) => [found.media_key, found]));
  return {
    id: data.id,
    text: textOf(source),
    images: keys.flatMap((key) => {
      const found = mediaByKey.get(key);
      return found?.url ?? found?.preview_image_url ?? [];
    }),
    ...(data.created_at === undefined ? {} : { createdAt: data.created_at }),
    ...(data.lang === undefined ? {} : { language: data.lang }),
  };
}

function repostedBy({ referenced_tweets }: Tweet, included: readonly Tweet[]): Tweet | undefined {
  const reposted = referenced_tweets.find(({ type }) => type === 'retweeted');
  return reposted && included.find((candidate) => candidate.id === reposted.id);
}

function mediaKeysOf({ attachments }: Tweet): readonly string[] {
  return attachments?.media_keys ?? [];
}

/** X ends a text with a link to the post's own photo or video, which no author wrote and the training data lacks. */
function textOf({ text: short, note_tweet, entities, attachments }: Tweet): string {
  const whole = note_tweet?.text ?? short;
  const start = whole.lastIndexOf('https://t.co/');
  if (start === -1) return whole;
  const link = whole.slice(start).trimEnd();
  const isOwnMedia =
    entities === undefined
      ? note_tweet === undefined && attachments !== undefined && /^[!-~]+$/.test(link)
      : entities.urls.some(
          ({ url, expanded_url, media_key }) =>
            url === link && (media_key !== undefined || /\/(?:photo|video)\/\d+$/.test(expanded_url ?? '')),
        );
  return isOwnMedia ? whole.slice(0, start).trimEnd() : whole;
}
