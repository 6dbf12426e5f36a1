import { PassThrough, type Readable } from 'node:stream';

/** Bounds on what the listeners of a stream may cost. */
export interface EventStreamBounds {
  readonly maxClients: number;
  /** Bytes that may wait for one client. Events that find more waiting pass that client by. */
  readonly maxBufferedBytes: number;
}

/** Server-sent events to many clients. */
export interface EventStream {
  /**
   * Opens a stream that begins with one event.
   *
   * @returns `undefined` where there is no room for another client.
   */
  open(event: string, data: unknown): Readable | undefined;
  /** Sends an event to every client that keeps up. */
  send(event: string, data: unknown): void;
  /** Ends every client's stream; none can be opened after. */
  close(): void;
}

export function createEventStream({ maxClients, maxBufferedBytes }: EventStreamBounds): EventStream {
  const clients = new Set<PassThrough>();
  let closed = false;

  return {
    open(event, data) {
      if (closed || clients.size >= maxClients) return undefined;
      const client = new PassThrough();
      clients.add(client);
      client.once('close', () => clients.delete(client));
      client.write(frame(event, data));
      return client;
    },
    send(event, data) {
      if (clients.size === 0) return;
      const written = frame(event, data);
      for (const client of clients) {
        if (client.writableLength + client.readableLength <= maxBufferedBytes) client.write(written);
      }
    },
    close() {
      closed = true;
      for (const client of clients) client.end();
    },
  };
}

/** One event on the wire. JSON has no line breaks of its own, so one `data` line is enough. */
function frame(event: string, data: unknown): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
