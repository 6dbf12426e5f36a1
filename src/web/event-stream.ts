import { randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';

/** Bounds on what the listeners of a stream may cost. */
export interface EventStreamBounds {
  readonly maxClients: number;
  /** Bytes that may wait for one client: it is sent nothing while more than that does. */
  readonly maxBufferedBytes: number;
}

export interface EventStreamOptions<T> {
  readonly bounds: EventStreamBounds;
  /** The kind of event that each item is sent as. */
  readonly event: string;
  /** The items numbered above `key` that are still held, in their order. */
  heldAfter(key: number): readonly T[];
}

/** Where a client stands. */
interface Client {
  readonly stream: PassThrough;
  /** The number of the last item that it was sent. */
  at: number;
}

/**
 * Server-sent events to many clients: items by their numbers, and other events in between. Each client has a place among
 * the items, so one that was slow, or was away and names the last event it has, is sent what is still held of those it
 * lacks, and nothing twice.
 */
export interface EventStream {
  /**
   * The number that a client's Last-Event-ID stands for.
   *
   * @returns `undefined` where it is none of this stream's, as after a restart, when the numbers begin anew.
   */
  placeOf(lastEventId: unknown): number | undefined;
  /**
   * Opens a stream that begins with one event and goes on with the items after the number `at`.
   *
   * @returns `undefined` where there is no room for another client.
   */
  open(event: string, data: unknown, at: number): Readable | undefined;
  /** Sends every client that keeps up the items that it lacks. */
  flush(): void;
  /** Sends an event to every client that keeps up; its data are asked for where there is any client. */
  send(event: string, data: () => unknown): void;
  /** Ends every client's stream; none can be opened after. */
  close(): void;
}

/** How long a browser waits before it connects again. */
const retryMs = 1_000;

export function createEventStream<T extends { readonly key: number }>(
  options: EventStreamOptions<T>,
): EventStream {
  const { bounds, heldAfter } = options;
  const run = randomBytes(6).toString('hex');
  const clients = new Set<Client>();
  /** An item is written down once, however many clients it is sent to. */
  const frames = new WeakMap<T, Buffer>();
  let closed = false;

  const idOf = (key: number): string => `${run}-${key}`;
  const keepsUp = ({ stream }: Client): boolean =>
    stream.writableLength + stream.readableLength <= bounds.maxBufferedBytes;

  function frameOf(item: T): Buffer {
    const known = frames.get(item);
    if (known !== undefined) return known;
    const made = frame(options.event, item, idOf(item.key));
    frames.set(item, made);
    return made;
  }

  function catchUp(client: Client): void {
    for (const item of heldAfter(client.at)) {
      if (!keepsUp(client)) return;
      client.stream.write(frameOf(item));
      client.at = item.key;
    }
  }

  return {
    placeOf(lastEventId) {
      const [, of, key] = /^([0-9a-f]+)-(\d{1,15})$/.exec(String(lastEventId)) ?? [];
      return of === run ? Number(key) : undefined;
    },
    open(event, data, at) {
      if (closed || clients.size >= bounds.maxClients) return undefined;
      const client = { stream: new PassThrough(), at };
      clients.add(client);
      client.stream.once('close', () => clients.delete(client));
      client.stream.write(`retry: ${retryMs}\n`);
      client.stream.write(frame(event, data, idOf(at)));
      catchUp(client);
      return client.stream;
    },
    flush() {
      for (const client of clients) catchUp(client);
    },
    send(event, data) {
      if (clients.size === 0) return;
      const written = frame(event, data());
      for (const client of clients) if (keepsUp(client)) client.stream.write(written);
    },
    close() {
      closed = true;
      for (const { stream } of clients) stream.end();
    },
  };
}

/** One event on the wire. JSON has no line breaks of its own, so one `data` line is enough. */
function frame(event: string, data: unknown, id?: string): Buffer {
  const named = id === undefined ? '' : `id: ${id}\n`;
  return Buffer.from(`${named}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
