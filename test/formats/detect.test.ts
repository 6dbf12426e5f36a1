import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reasons } from '../../src/domain/outcome.js';
import type { ConsumedRecord } from '../../src/domain/record.js';
import { readPost, type Format } from '../../src/formats/detect.js';

type Parts = Partial<Pick<ConsumedRecord, 'key' | 'headers'>>;

function recordOf(value: Buffer | null, { key = null, headers = {} }: Parts = {}): ConsumedRecord {
  return { position: { topic: 'posts', partition: 0, offset: 0n }, key, value, headers, timestamp: 0 };
}

function read(content: unknown, format: Format = 'auto', parts: Parts = {}) {
  return readPost(recordOf(Buffer.from(JSON.stringify(content)), parts), format);
}

const readBytes = (bytes: string | readonly number[]) =>
  readPost(recordOf(typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)), 'auto');

describe('a message', () => {
  it('is told to be plain or of the X API v2 by its shape', () => {
    expect(read({ id: '1', text: 'a' })).toMatchObject({ kind: 'post', post: { id: '1', text: 'a' } });
    expect(read({ data: { id: '2', text: 'b' } })).toMatchObject({
      kind: 'post',
      post: { id: '2', text: 'b' },
    });
    expect(read({ id: '1', text: 'a', data: { id: '2', text: 'b' } })).toMatchObject({ post: { id: '1' } });
    expect(read({ errors: [{ title: 'operational-disconnect' }] })).toMatchObject({
      reason: 'invalid_post',
      detail: expect.stringContaining('operational-disconnect') as string,
    });
  });

  it('is read in the one format that is set', () => {
    expect(read({ data: { id: '2', text: 'b' } }, 'plain')).toMatchObject({
      reason: 'invalid_post',
      detail: 'id: missing; text: missing',
    });
    expect(read({ id: '1', text: 'a' }, 'x-v2')).toMatchObject({
      reason: 'invalid_post',
      detail: 'data: missing',
    });
  });

  it.each([
    ['an X API v1.1 tweet', { id: 1, id_str: '1', text: 'a', user: {} }],
    ['an X API v1.1 tweet', { id: 1, id_str: '1', full_text: 'a', user: {} }],
    ['an X API v1.1 deletion', { delete: { status: { id: 1, id_str: '1' } } }],
    ['a Bluesky Jetstream event', { did: 'did:plc:a', time_us: 1, kind: 'commit', commit: {} }],
    ['a Bluesky Jetstream event', { did: 'did:plc:a', time_us: 1, type: 'com', commit: {} }],
    [
      'a Bluesky Jetstream event',
      { $type: 'network.bsky.jetstream.subscribeEvents#commit', did: 'did:plc:a' },
    ],
    ['a Mastodon streaming event', { stream: ['public'], event: 'update', payload: '{}' }],
    ['a Mastodon streaming event', { stream: ['public'], event: 'status.update', payload: '{}' }],
    ['a Mastodon streaming event', { stream: ['public'], event: 'delete', payload: '1' }],
    ['a Mastodon status', { id: '1', content: '<p>a</p>', account: {} }],
    ['an ActivityStreams object', { '@context': 'https://www.w3.org/ns/activitystreams', type: 'Create' }],
    [
      'a CloudEvent',
      { specversion: '1.0', type: 'post', source: '/', id: '1', data: { id: '1', text: 'a' } },
    ],
  ])('that looks like %s is of an unsupported format', (name, content) => {
    expect(read(content)).toStrictEqual({
      kind: 'rejected',
      reason: 'unsupported_format',
      detail: `${name}: not read by this version`,
    });
  });

  it('with the headers of a CloudEvent is of an unsupported format', () => {
    const headers = { ce_specversion: Buffer.from('1.0') };
    expect(read({ id: '1', text: 'a' }, 'auto', { headers })).toMatchObject({ reason: 'unsupported_format' });
  });

  it.each([
    ['nothing', '', 'the value is blank, as the keep-alive signals of a stream are'],
    ['a line end', '\r\n', 'the value is blank, as the keep-alive signals of a stream are'],
    ['half an object', '{"id":"1"', 'the value is no JSON'],
    ['other text', 'hello', 'the value is no JSON'],
    ['bytes that are not UTF-8', [0x7b, 0xff, 0x7d], 'the value is no UTF-8 text'],
    ['UTF-16', Array.from(Buffer.from('\ufeff{"id":"1"}', 'utf16le')), 'the value is no UTF-8 text'],
  ])('that is %s is not JSON', (_, bytes, detail) => {
    expect(readBytes(bytes)).toStrictEqual({ kind: 'rejected', reason: 'not_json', detail });
  });

  it.each([
    ['null', 'null'],
    ['[]', 'a list'],
    ['"text"', 'a string'],
    ['5', 'a number'],
    ['true', 'a boolean'],
  ])('that is %s is no post', (json, kind) => {
    expect(readBytes(json)).toStrictEqual({
      kind: 'rejected',
      reason: 'invalid_post',
      detail: `the value is ${kind}, not a JSON object`,
    });
  });

  it('may begin with a byte order mark', () => {
    expect(readBytes('\ufeff{"id":"1","text":"a"}')).toMatchObject({ kind: 'post' });
  });

  it('may be 5 MB of text', () => {
    const text = 'word '.repeat(1_000_000);
    expect(read({ id: '1', text })).toMatchObject({ kind: 'post', post: { text } });
  });

  it.each([
    ['lists alone', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'rejected'],
    ['open lists', '['.repeat(100_000), 'rejected'],
    ['a field', `{"id":"1","text":"a","x":${'{"x":'.repeat(100_000)}1${'}'.repeat(100_001)}`, 'post'],
    ['an image', `{"id":"1","text":"a","images":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'rejected'],
    [
      'the enrichment',
      `{"id":"1","text":"a","enrichment":${'{"x":'.repeat(100_000)}1${'}'.repeat(100_001)}`,
      'post',
    ],
  ])('may be nested 100,000 deep in %s', (_, json, kind) => {
    expect(readBytes(json).kind).toBe(kind);
  });

  it('cannot reach a prototype', () => {
    const json =
      '{"__proto__":{"id":"1","text":"a","polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    expect(readBytes(json)).toMatchObject({ reason: 'invalid_post', detail: 'id: missing; text: missing' });
    expect(readBytes(`{"id":"1","text":"a",${json.slice(1)}`)).toStrictEqual({
      kind: 'post',
      post: { id: '1', text: 'a', images: [] },
    });
    expect('polluted' in {}).toBe(false);
  });
});

describe('a record without value', () => {
  it('is a tombstone for the post that its key names', () => {
    expect(readPost(recordOf(null, { key: Buffer.from('pöst 1') }), 'auto')).toStrictEqual({
      kind: 'tombstone',
      id: 'pöst 1',
    });
  });

  it.each([[null], [Buffer.alloc(0)], [Buffer.from([0xff])], [Buffer.from('x'.repeat(1_001))]])(
    'and with the key %j is no post',
    (key) => {
      expect(readPost(recordOf(null, { key }), 'auto')).toMatchObject({
        kind: 'rejected',
        reason: 'invalid_post',
      });
    },
  );
});

describe('whatever comes', () => {
  /** Objects whose fields have the names that the readers look at, with any JSON in them. */
  const lookalikes = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.jsonValue({ maxDepth: 1 }),
      tie('object'),
      fc.array(tie('object'), { maxLength: 2 }),
    ),
    object: fc.dictionary(
      fc.constantFrom(
        ...[
          'id',
          'text',
          'images',
          'enrichment',
          'match',
          'entities',
          'data',
          'includes',
          'media',
          'media_key',
          'url',
        ],
        ...[
          'tweets',
          'referenced_tweets',
          'type',
          'note_tweet',
          'attachments',
          'media_keys',
          'errors',
          'delete',
        ],
        ...['$type', 'did', 'specversion', 'id_str', 'status', '__proto__', 'toString', 'constructor'],
      ),
      tie('value'),
      { maxKeys: 5 },
    ),
  })).object;

  function hasOneAnswer(value: Buffer, format: Format): void {
    const result = readPost(recordOf(value), format);
    if (result.kind === 'rejected') {
      expect(reasons).toContain(result.reason);
      expect(result.detail).not.toBe('');
      expect(result.detail.length).toBeLessThan(1_000);
    } else if (result.kind === 'post') {
      expect(result.post.id).not.toBe('');
      expect(typeof result.post.text).toBe('string');
    } else {
      expect(result.id).not.toBe('');
    }
  }

  /** Ten thousand messages a format. */
  const each = { numRuns: 10_000 };
  const good = [
    '{"id":"1","text":"a","images":["https://x.test/a.jpg"],"createdAt":"2026-01-01T00:00:00Z","language":"en","enrichment":{"entities":["b"],"imageText":"c","attributes":["d"],"match":0.5}}',
    '{"data":{"id":"1","text":"a https://t.co/b","note_tweet":{"text":"a"},"attachments":{"media_keys":["3_1"]},"referenced_tweets":[{"type":"retweeted","id":"2"}],"entities":{"urls":[{"url":"https://t.co/b","media_key":"3_1"}]}},"includes":{"media":[{"media_key":"3_1","url":"https://x.test/a.jpg"}],"tweets":[{"id":"2","text":"b"}]}}',
    '{"data":{"delete":{"tweet":{"id":"1"}}}}',
    '{"errors":[{"title":"a","detail":"b"}]}',
  ].map((json) => Buffer.from(json));
  /** Good messages with some of their bytes replaced, doubled or cut out. */
  const broken = fc
    .tuple(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(400), fc.nat(20), fc.uint8Array({ maxLength: 8 })), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([message, changes]) =>
      changes.reduce((bytes: Buffer, [at, cut, put]) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, place), put, bytes.subarray(place + cut)]);
      }, message),
    );
  const contents = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((json) => Buffer.from(json)),
    lookalikes.map((content) => Buffer.from(JSON.stringify(content))),
    broken,
  );

  it.each<Format>(['auto', 'plain', 'x-v2'])('has one answer in format %s', (format) => {
    fc.assert(
      fc.property(contents, (value) => hasOneAnswer(value, format)),
      each,
    );
  });
});
