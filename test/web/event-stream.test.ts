import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventStream } from '../../src/web/event-stream.js';

const bounds = { maxClients: 2, maxBufferedBytes: 1_000 };

interface Item {
  readonly key: number;
  readonly text: string;
}

/** A stream of items of which the latest `capacity` are held. */
function streamOf(capacity = 1_000, own = bounds) {
  const items: Item[] = [];
  const stream = createEventStream<Item>({
    bounds: own,
    event: 'post',
    heldAfter: (key) => items.slice(-capacity).filter((item) => item.key > key),
  });
  return {
    ...stream,
    add(text: string): void {
      items.push({ key: items.length + 1, text });
      stream.flush();
    },
  };
}

/** What a client has been sent and not read. */
const unread = (client: NodeJS.ReadableStream | undefined) => String(client?.read() ?? '');
/** The numbers of the items in what was sent, and the last id. */
const keysIn = (sent: string): number[] =>
  [...sent.matchAll(/^event: post\ndata: {"key":(\d+)/gm)].map(([, key]) => Number(key));
const lastIdIn = (sent: string): string => [...sent.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? expect.fail();

describe('an event stream', () => {
  it('opens with its first event and goes on with the items, each with an id', () => {
    const stream = streamOf();
    const client = stream.open('opened', { posts: [] }, 0);
    stream.add('two\nlines');
    stream.send('stats', () => 7);
    expect(unread(client).replace(/[0-9a-f]{12}/g, 'RUN')).toBe(
      'retry: 1000\nid: RUN-0\nevent: opened\ndata: {"posts":[]}\n\n' +
        'id: RUN-1\nevent: post\ndata: {"key":1,"text":"two\\nlines"}\n\nevent: stats\ndata: 7\n\n',
    );
  });

  it('has room for as many clients as it may have, and cuts off the oldest for another', () => {
    const stream = streamOf();
    const clients = [1, 2, 3].map((number) => stream.open('opened', number, 0));
    expect(clients.map((client) => client?.destroyed)).toEqual([true, false, false]);
    stream.send('stats', () => 7);
    expect(clients.slice(1).map((client) => unread(client).includes('event: stats'))).toEqual([true, true]);
  });

  it('opens nothing when it was closed', () => {
    const stream = streamOf();
    stream.close();
    expect(stream.open('opened', 1, 0)).toBeUndefined();
  });

  it('sends a client that does not read no more than its bound, and what is still held when it reads', () => {
    const stream = streamOf(5);
    const slow = stream.open('opened', 0, 0);
    for (let i = 1; i <= 1_000; i += 1) stream.add('x'.repeat(100));
    const late = unread(slow);
    expect(late.length).toBeGreaterThan(bounds.maxBufferedBytes - 200);
    expect(late.length).toBeLessThanOrEqual(bounds.maxBufferedBytes);
    stream.flush();
    expect(keysIn(unread(slow))).toEqual([996, 997, 998, 999, 1_000]);
  });

  it('sends an item that is larger than the bound to a client for which nothing else waits', () => {
    const stream = streamOf();
    const client = stream.open('opened', 0, 0);
    unread(client);
    stream.add('x'.repeat(5_000));
    stream.add('small');
    expect(keysIn(unread(client))).toEqual([1]);
    stream.flush();
    expect(keysIn(unread(client))).toEqual([2]);
  });

  it('sends twenty items at a time, and leaves out those that are no longer held when their turn comes', () => {
    const stream = streamOf(30, { ...bounds, maxBufferedBytes: 1_000_000 });
    const from = (first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index);
    for (let i = 1; i <= 60; i += 1) stream.add('fast');
    const client = stream.open('resumed', 0, 0);
    expect(keysIn(unread(client))).toEqual(from(31, 50));
    stream.flush();
    expect(keysIn(unread(client))).toEqual(from(51, 60));
    stream.flush();
    expect(unread(client)).toBe('');
  });

  it('misses nothing that is held and sends nothing twice, however often a client leaves and comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 20 }), (arrivals) => {
        const stream = streamOf(1_000, { ...bounds, maxClients: 20 });
        let at = 0;
        const seen: number[] = [];
        arrivals.forEach((count, turn) => {
          // While the client is away, and while it is there.
          for (let i = 0; i < count; i += 1) stream.add('away');
          const client = stream.open('resumed', 0, at);
          let sent = unread(client);
          for (let i = 0; i < turn; i += 1) stream.add('there');
          sent += unread(client);
          stream.flush();
          sent += unread(client);
          for (let more = unread(client); more !== ''; more = unread(client)) sent += more;
          seen.push(...keysIn(sent));
          at = stream.placeOf(lastIdIn(sent)) ?? expect.fail();
          client?.destroy();
        });
        expect(seen).toEqual(Array.from({ length: at }, (_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });

  it('knows its own ids and no others', () => {
    const stream = streamOf();
    const own = lastIdIn(unread(stream.open('opened', 0, 42)));
    expect(stream.placeOf(own)).toBe(42);
    const others = [
      undefined,
      '',
      '42',
      own.replace('-', ''),
      `${own}x`,
      own.replace(/-.*/, '-'),
      [own, own],
    ];
    for (const id of others) expect(stream.placeOf(id)).toBeUndefined();
    expect(streamOf().placeOf(own)).toBeUndefined();
  });

  it('asks for data only where there is someone to have them', () => {
    streamOf().send('stats', () => expect.fail());
  });

  it('ends every client when it closes, and takes no other', async () => {
    const stream = streamOf();
    const client = stream.open('opened', 0, 0) ?? expect.fail();
    stream.close();
    client.resume();
    await once(client, 'end');
    expect(stream.open('opened', 0, 0)).toBeUndefined();
  });
});
