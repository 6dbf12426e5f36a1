import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readXV2 } from '../../src/formats/x-v2.js';

/** A message of the filtered stream with a photo and a video, as X documents it. */
const streamed = {
  data: {
    id: '1346889436626259968',
    text: 'Learn how &amp; why #WildflowerHour https://t.co/page https://t.co/photo',
    edit_history_tweet_ids: ['1346889436626259968'],
    lang: 'en',
    created_at: '2026-11-01T18:40:40.000Z',
    attachments: { media_keys: ['3_1', '7_2', '3_absent'] },
    entities: {
      hashtags: [{ start: 20, end: 35, tag: 'WildflowerHour' }],
      urls: [
        {
          start: 36,
          end: 53,
          url: 'https://t.co/page',
          expanded_url: 'https://example.com/',
          display_url: 'example.com',
        },
        {
          start: 54,
          end: 72,
          url: 'https://t.co/photo',
          expanded_url: 'https://twitter.com/a/status/1346889436626259968/photo/1',
          media_key: '3_1',
        },
      ],
    },
  },
  includes: {
    media: [
      { media_key: '7_2', type: 'video', preview_image_url: 'https://pbs.twimg.com/preview.jpg' },
      { media_key: '3_1', type: 'photo', url: 'https://pbs.twimg.com/photo.jpg', width: 10, height: 10 },
    ],
    users: [{ id: '2244994945', name: 'X', username: 'x' }],
  },
  matching_rules: [{ id: '120897978112909812', tag: 'flowers' }],
};

function read(data: Record<string, unknown>, includes?: Record<string, unknown>) {
  return readXV2({ data: { id: '1', ...data }, ...(includes === undefined ? {} : { includes }) });
}

describe('a post of the filtered stream', () => {
  it('gives its id, text, language, time and media in their order', () => {
    expect(readXV2(streamed)).toStrictEqual({
      kind: 'post',
      post: {
        id: '1346889436626259968',
        text: 'Learn how &amp; why #WildflowerHour https://t.co/page',
        images: ['https://pbs.twimg.com/photo.jpg', 'https://pbs.twimg.com/preview.jpg'],
        createdAt: '2026-11-01T18:40:40.000Z',
        language: 'en',
      },
    });
  });

  it('needs an id and a text', () => {
    expect(read({ text: 'a' })).toStrictEqual({ kind: 'post', post: { id: '1', text: 'a', images: [] } });
  });

  it('has its whole text in note_tweet where it is long', () => {
    const note_tweet = { text: `${'long '.repeat(100)}end` };
    expect(read({ text: 'long long… https://t.co/x', note_tweet })).toMatchObject({
      post: { text: note_tweet.text },
    });
  });

  it('that reposts another has the whole text, the images and the link of that one, and its own id', () => {
    const original = {
      ...streamed.data,
      id: '2',
      note_tweet: { text: 'the whole text, which goes on and on https://t.co/photo' },
    };
    const repost = {
      text: 'RT @x: the whole text, which goes…',
      lang: 'de',
      referenced_tweets: [{ type: 'retweeted', id: '2' }],
    };
    expect(read(repost, { tweets: [original], media: streamed.includes.media })).toStrictEqual({
      kind: 'post',
      post: {
        id: '1',
        text: 'the whole text, which goes on and on',
        images: ['https://pbs.twimg.com/photo.jpg', 'https://pbs.twimg.com/preview.jpg'],
        language: 'de',
      },
    });
    expect(read(repost)).toMatchObject({ post: { text: repost.text } });
  });

  it('that quotes or answers another keeps its own text and images', () => {
    const referenced_tweets = [
      { type: 'quoted', id: '2' },
      { type: 'replied_to', id: '2' },
    ];
    const tweets = [{ id: '2', text: 'theirs', attachments: { media_keys: ['3_1'] } }];
    expect(
      read({ text: 'mine', referenced_tweets }, { tweets, media: streamed.includes.media }),
    ).toMatchObject({
      post: { text: 'mine', images: [] },
    });
  });

  it('loses only a link to its own media, and only at its end', () => {
    const attachments = { media_keys: ['3_1'] };
    const { entities } = streamed.data;
    const texts: readonly (readonly [Record<string, unknown>, string])[] = [
      [{ text: 'a https://t.co/photo', attachments, entities }, 'a'],
      [{ text: 'https://t.co/photo', attachments, entities }, ''],
      [{ text: 'a https://t.co/page', attachments, entities }, 'a https://t.co/page'],
      [{ text: 'https://t.co/photo b', attachments, entities }, 'https://t.co/photo b'],
      [{ text: 'a https://t.co/unlisted', attachments }, 'a'],
      [{ text: 'a https://t.co/unlisted' }, 'a https://t.co/unlisted'],
      [{ text: 'a https://t.co/unlisted b', attachments }, 'a https://t.co/unlisted b'],
    ];
    for (const [data, text] of texts) expect(read(data)).toMatchObject({ post: { text } });
  });

  it('keeps the beginning of its text untouched, so that spans hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, link) => {
        const whole = link ? `${text} https://t.co/photo` : text;
        const result = read({ text: whole, attachments: { media_keys: ['3_1'] } });
        expect(result.kind === 'post' && whole.startsWith(result.post.text)).toBe(true);
      }),
    );
  });

  it('is a post though some expansions could not be had', () => {
    const errors = [{ title: 'Not Found Error', resource_type: 'tweet', value: '2' }];
    expect(readXV2({ data: { id: '1', text: 'a' }, errors })).toMatchObject({ kind: 'post' });
  });

  it.each([
    [{ data: { text: 'a' } }, 'data.id: missing'],
    [{ data: { id: '1' } }, 'data.text: missing'],
    [{ data: { id: 1, text: 'a' } }, 'data.id: expected a string'],
    [{ data: { id: '', text: 'a' } }, 'data.id: expected a string that is not empty'],
    [{ data: [] }, 'data: expected an object'],
    [{}, 'data: missing'],
    [{ data: { id: '1', text: 'a', note_tweet: 'b' } }, 'data.note_tweet: expected an object'],
    [
      { data: { id: '1', text: 'a' }, includes: { media: [{ media_key: '1', url: 5 }] } },
      'includes.media[0].url: expected a string',
    ],
  ])('that is %j is rejected: %s', (content, detail) => {
    expect(readXV2(content)).toStrictEqual({ kind: 'rejected', reason: 'invalid_post', detail });
  });
});

describe('another message of a stream of the X API v2', () => {
  it('that reports errors is rejected with what it says', () => {
    const errors = [
      {
        title: 'operational-disconnect',
        disconnect_type: 'UpstreamOperationalDisconnect',
        detail: 'This stream has been disconnected upstream for operational reasons.',
        type: 'https://api.twitter.com/2/problems/operational-disconnect',
      },
    ];
    expect(readXV2({ errors })).toStrictEqual({
      kind: 'rejected',
      reason: 'invalid_post',
      detail:
        'data: missing; this is an error report of the stream: operational-disconnect: ' +
        'This stream has been disconnected upstream for operational reasons.',
    });
    for (const strange of [[], [5], [{ title: 5 }], [null]]) {
      expect(readXV2({ errors: strange })).toMatchObject({ kind: 'rejected', reason: 'invalid_post' });
    }
  });

  it('that tells of a deletion is a tombstone', () => {
    const deletion = { tweet: { id: '1', author_id: '2' }, event_at: '2026-11-01T18:40:40.000Z' };
    expect(readXV2({ data: { delete: deletion } })).toStrictEqual({ kind: 'tombstone', id: '1' });
  });
});

it('takes null in optional fields as absent', () => {
  const nothing = { note_tweet: null, lang: null, created_at: null, attachments: null };
  const data = { id: '1', text: 'x', ...nothing, referenced_tweets: null, entities: { urls: null } };
  for (const includes of [null, { media: null, tweets: null }]) {
    expect(readXV2({ data, includes })).toEqual({ kind: 'post', post: { id: '1', text: 'x', images: [] } });
  }
});
