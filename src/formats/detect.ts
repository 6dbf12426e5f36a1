import { isJsonObject, type JsonObject } from '../domain/json.js';
import type { ConsumedRecord } from '../domain/record.js';
import { faultOfId } from './bounds.js';
import { readPlain } from './plain.js';
import { rejected, type ReadResult } from './read-post.js';
import { isXV2, readXV2 } from './x-v2.js';

/** A wire format, or `auto` to tell it by its shape. */
export type Format = 'auto' | 'plain' | 'x-v2';

/** Shapes of formats that this version does not read yet, so that their posts are told from nonsense. */
const unsupported: readonly (readonly [name: string, test: (content: JsonObject) => boolean])[] = [
  ['a CloudEvent', (content) => 'specversion' in content && 'type' in content],
  ['an X API v1.1 tweet', (content) => 'id_str' in content],
  ['an X API v1.1 deletion', ({ delete: deleted }) => isJsonObject(deleted) && 'status' in deleted],
  ['a Bluesky Jetstream event', (content) => 'did' in content && ('kind' in content || 'time_us' in content)],
  [
    'a Bluesky Jetstream event',
    ({ $type: type }) => typeof type === 'string' && type.startsWith('network.bsky.jetstream'),
  ],
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
  if (value === null) return readDeletion(key);
  const source = decodeUtf8(value);
  if (source === undefined) return rejected('not_json', 'the value is no UTF-8 text');
  if (source.trim() === '')
    return rejected('not_json', 'the value is blank, as the keep-alive signals of a stream are');
  let content: unknown;
  try {
    content = JSON.parse(source);
  } catch {
    return rejected('not_json', 'the value is no JSON');
  }
  if (!isJsonObject(content))
    return rejected('invalid_post', `the value is ${kindOf(content)}, not a JSON object`);
  if (format === 'plain') return readPlain(content);
  if (format === 'x-v2') return readXV2(content);
  const found = 'ce_specversion' in headers ? 'a CloudEvent' : unsupportedFormat(content);
  if (found !== undefined) return rejected('unsupported_format', `${found}: not read by this version`);
  return isXV2(content) ? readXV2(content) : readPlain(content);
}

function readDeletion(key: Buffer | null): ReadResult {
  if (key === null || key.length === 0) {
    return rejected(
      'invalid_post',
      'a record with neither value nor key: there is no post and no id to delete',
    );
  }
  const id = decodeUtf8(key);
  if (id === undefined) {
    return rejected(
      'invalid_post',
      'a record without value whose key is no UTF-8 text: there is no id to delete',
    );
  }
  const fault = faultOfId(id);
  return fault === undefined ? { kind: 'tombstone', id } : rejected('invalid_post', `key: ${fault}`);
}

/** A message with a `text` of its own is plain, whatever else it has; but every tweet of the X API v1.1 has one. */
function unsupportedFormat(content: JsonObject): string | undefined {
  if (typeof content['text'] === 'string' && !('id_str' in content)) return undefined;
  return unsupported.find(([, test]) => test(content))?.[0];
}

/** The text without a byte order mark, or `undefined` where the bytes are not UTF-8. */
function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
