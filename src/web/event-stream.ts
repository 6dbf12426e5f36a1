import { randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';

/** Bounds on what the listeners of a stream may cost. */
export interface EventStreamBounds {
  readonly maxClients: number;
  /** Bytes that may wait for one client: it is sent nothing that would make them more, but where nothing waits. */
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

/** Some items as they are written, and the number of the last. */
interface Batch {
  readonly written: Buffer;
  readonly next: number;
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
   * Opens a stream that begins with one event and goes on with the items after the number `at`. Where there is no room
   * for another client, the one that has been there longest is cut off; a browser comes back by itself, at its place.
   *
   * @returns `undefined` where the stream was closed.
   */
  open(event: string, data: unknown, at: number): Readable | undefined;
  /** Sends every client that keeps up the items that it lacks. */
  flush(): void;
  /** Sends an event to every client that keeps up; its data are asked for where there is any client. */
  send(event: string, data: () => unknown): void;
  /** Ends every client's stream; none can be opened after. */
  close(): void;
}

/**
 * Items that a client is sent at a flush. A stream that is quicker is more than anyone can read: its clients lag behind
 * until some items are no longer held, and go on with the oldest that are.
 */
const itemsPerFlush = 20;

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

  function frameOf(item: T): Buffer {
    const known = frames.get(item);
    if (known !== undefined) return known;
    const made = frame(options.event, item, idOf(item.key));
    frames.set(item, made);
    return made;
  }

  /** What a client is sent that has the items up to `at`. */
  function batchAfter(at: number): Batch {
    let next = at;
    let bytes = 0;
    const parts: Buffer[] = [];
    for (const item of heldAfter(at).slice(0, itemsPerFlush)) {
      const part = frameOf(item);
      if (parts.length > 0 && bytes + part.length > bounds.maxBufferedBytes) break;
      parts.push(part);
      bytes += part.length;
      next = item.key;
    }
    return { written: Buffer.concat(parts), next };
  }

  /** @returns whether the client keeps up, so that it was written to */
  function write({ stream }: Client, written: Buffer): boolean {
    const waiting = stream.writableLength + stream.readableLength;
    if (waiting > 0 && waiting + written.length > bounds.maxBufferedBytes) return false;
    stream.write(written);
    return true;
  }

  function cutOffOldest(): void {
    const [oldest] = clients;
    if (oldest === undefined) return;
    clients.delete(oldest);
    oldest.stream.destroy();
  }

  function catchUp(client: Client, { written, next }: Batch): void {
    if (next > client.at && write(client, written)) client.at = next;
  }

  return {
    placeOf(lastEventId) {
      const [, of, key] = /^([0-9a-f]+)-(\d{1,15})$/.exec(String(lastEventId)) ?? [];
      return of === run ? Number(key) : undefined;
    },
    open(event, data, at) {
      if (closed) return undefined;
      if (clients.size >= bounds.maxClients) cutOffOldest();
      const client = { stream: new PassThrough(), at };
      clients.add(client);
      client.stream.once('close', () => clients.delete(client));
      client.stream.write(`retry: ${retryMs}\n`);
      client.stream.write(frame(event, data, idOf(at)));
      catchUp(client, batchAfter(at));
      return client.stream;
    },
    flush() {
      // Clients that keep up are at the same place: their batch is put together once.
      const batches = new Map<number, Batch>();
      for (const client of clients) {
        const batch = batches.get(client.at) ?? batchAfter(client.at);
        batches.set(client.at, batch);
        catchUp(client, batch);
      }
    },
    send(event, data) {
      if (clients.size === 0) return;
      const written = frame(event, data());
      for (const client of clients) write(client, written);
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
