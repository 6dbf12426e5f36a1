import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createEventStream } from '../../src/web/event-stream.js';

const bounds = { maxClients: 2, maxBufferedBytes: 1_000 };

/** What a client has been sent and not read. */
const unread = (client: NodeJS.ReadableStream | undefined) => String(client?.read());

describe('an event stream', () => {
  it('opens with its first event and goes on with those that are sent', () => {
    const stream = createEventStream(bounds);
    const client = stream.open('opened', { posts: [] });
    stream.send('post', { text: 'two\nlines' });
    expect(unread(client)).toBe(
      'event: opened\ndata: {"posts":[]}\n\nevent: post\ndata: {"text":"two\\nlines"}\n\n',
    );
  });

  it('has room for as many clients as it may have, and again when one leaves', async () => {
    const stream = createEventStream(bounds);
    const first = stream.open('opened', 1);
    expect(stream.open('opened', 2)).toBeDefined();
    expect(stream.open('opened', 3)).toBeUndefined();
    first?.destroy();
    await once(first ?? expect.fail(), 'close');
    expect(stream.open('opened', 4)).toBeDefined();
  });

  it('passes a client by that does not read, and serves it again when it does', () => {
    const stream = createEventStream(bounds);
    const slow = stream.open('opened', 0);
    for (let i = 0; i < 1_000; i += 1) stream.send('post', { i, text: 'x'.repeat(100) });
    const late = unread(slow);
    expect(late.length).toBeGreaterThan(bounds.maxBufferedBytes);
    expect(late.length).toBeLessThan(bounds.maxBufferedBytes + 200);
    stream.send('post', 'back');
    expect(unread(slow)).toBe('event: post\ndata: "back"\n\n');
  });

  it('ends every client when it closes, and takes no other', async () => {
    const stream = createEventStream(bounds);
    const client = stream.open('opened', 0) ?? expect.fail();
    stream.close();
    client.resume();
    await once(client, 'end');
    expect(stream.open('opened', 0)).toBeUndefined();
  });
});
