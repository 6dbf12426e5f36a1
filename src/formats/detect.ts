import type { ConsumedRecord } from '../domain/record.js';
import { readPlain } from './plain.js';
import { isObject, rejected, type JsonObject, type ReadResult } from './read-post.js';
import { isXV2, readXV2 } from './x-v2.js';

/** A wire format, or `auto` to tell it by its shape. */
export type Format = 'auto' | 'plain' | 'x-v2';

/** Shapes of formats that this version does not read yet, so that their posts are told from nonsense. */
const unsupported: readonly (readonly [name: string, test: (content: JsonObject) => boolean])[] = [
  ['a CloudEvent', (content) => 'specversion' in content && 'type' in content],
  [
    'an X API v1.1 tweet',
    (content) => 'id_str' in content || ('delete' in content && isObject(content['delete'])),
  ],
  ['a Bluesky Jetstream event', (content) => 'did' in content && ('kind' in content || 'time_us' in content)],
  ['a Bluesky Jetstream event', (content) => String(content['$type']).startsWith('network.bsky.jetstream')],
  ['a Mastodon streaming event', (content) => 'event' in content && 'payload' in content],
  ['a Mastodon status', (content) => 'content' in content && 'account' in content],
  ['an ActivityStreams object', (content) => '@context' in content],
];

/**
 * Reads a message as a post. A record without a value is a tombstone for the post that its key names, as on any
 * compacted topic. Whatever else the bytes are, the answer is a rejection; it never throws.
 *
 * @param format the format all messages are in, or `auto`
 */
export function readPost({ key, value, headers }: ConsumedRecord, format: Format): ReadResult {
  if (value === null) {
    if (key === null || key.length === 0) {
      return rejected(
        'invalid_post',
        'a record with neither value nor key: there is no post and no id to delete',
      );
    }
    return { kind: 'tombstone', id: key.toString('utf8') };
  }
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch (error) {
    const problem = error instanceof SyntaxError ? 'the value is no JSON' : 'the value is no UTF-8 text';
    return rejected('not_json', value.length === 0 ? 'the value is empty' : problem);
  }
  if (!isObject(content))
    return rejected('invalid_post', `the value is ${kindOf(content)}, not a JSON object`);
  if (format === 'plain') return readPlain(content);
  if (format === 'x-v2') return readXV2(content);
  if ('ce_specversion' in headers)
    return rejected('unsupported_format', 'a CloudEvent: not read by this version');
  if (isXV2(content)) return readXV2(content);
  if (typeof content['text'] !== 'string' || 'id_str' in content) {
    const found = unsupported.find(([, test]) => test(content));
    if (found !== undefined) return rejected('unsupported_format', `${found[0]}: not read by this version`);
  }
  return readPlain(content);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
