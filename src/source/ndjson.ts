import type { Readable } from 'node:stream';
import { InfrastructureError } from '../domain/errors.js';
import type { ConsumedBatch, ConsumedRecord, Position } from '../domain/record.js';
import type { BatchHandler, Source } from '../domain/transport.js';
import type { Events } from '../telemetry/events.js';
import { deliverInOrder } from './deliver-in-order.js';
import { splitLines, type Line } from './lines.js';

export interface NdjsonSourceOptions {
  /** What stands for a topic in positions and messages: the file's name, or `-`. */
  readonly name: string;
  /** Lines in a batch, at most. */
  readonly chunkSize: number;
  /** Batches that are under way at the same time. */
  readonly concurrentChunks: number;
  /** The longest line that is read, in bytes. */
  readonly maxLineBytes: number;
}

/** How often a batch is handed out: what ails a model that long ails it for good, and a file can be read again. */
const attempts = 3;

const [space, tab] = [0x20, 0x09];

/**
 * Reads lines as records of one partition: the offset is the line's number from 0, the value its bytes, the timestamp
 * when it was read. Blank lines are passed over; a line that is too long is a record that says so. A batch closes at its
 * size, or when no further line is at hand, so that whoever writes into a pipe line by line is answered line by line.
 */
export class NdjsonSource implements Source {
  readonly #input: Readable;
  readonly #options: NdjsonSourceOptions;
  readonly #events: Events;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(input: Readable, options: NdjsonSourceOptions, events: Events) {
    this.#input = input;
    this.#options = options;
    this.#events = events;
  }

  run(handle: BatchHandler): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#running = this.#read(handle);
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#input.destroy();
    await this.#running.catch(() => undefined);
  }

  async #read(handle: BatchHandler): Promise<void> {
    const stopping = this.#stopping.signal;
    try {
      await deliverInOrder(this.#batches(), handle, {
        window: this.#options.concurrentChunks,
        attempts,
        stopping,
        failed: this.#events.batchFailed,
        delivered: () => Promise.resolve(true),
      });
    } finally {
      this.#input.destroy();
    }
  }

  async *#batches(): AsyncGenerator<ConsumedBatch> {
    const { name: topic, chunkSize, maxLineBytes } = this.#options;
    let lineNumber = 0n;
    for await (const lines of this.#lines()) {
      const records = lines
        .map((line) => toRecord(line, { topic, partition: 0, offset: lineNumber++ }, maxLineBytes))
        .filter(({ value, unread }) => unread !== undefined || !isBlank(value));
      for (let start = 0; start < records.length; start += chunkSize) {
        const chunk = records.slice(start, start + chunkSize);
        const firstOffset = chunk[0]?.position.offset ?? lineNumber;
        const lastOffset = chunk.at(-1)?.position.offset ?? lineNumber;
        yield { topic, partition: 0, generation: 0, records: chunk, firstOffset, lastOffset };
      }
    }
  }

  async *#lines(): AsyncGenerator<readonly Line[]> {
    const { name, maxLineBytes } = this.#options;
    try {
      yield* splitLines(this.#input, maxLineBytes);
    } catch (error) {
      // `stop` closed the input under the reader.
      if (this.#stopping.signal.aborted) return;
      throw new InfrastructureError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
}

function toRecord(
  line: Line,
  position: Position,
  maxLineBytes: number,
): ConsumedRecord & { readonly value: Buffer } {
  const record = { position, key: null, value: line ?? Buffer.alloc(0), headers: {}, timestamp: Date.now() };
  if (line !== undefined) return record;
  const detail = `the line is longer than ${maxLineBytes} bytes, so it was not read`;
  return { ...record, unread: { reason: 'invalid_post', detail } };
}

const isBlank = (line: Buffer): boolean => line.every((byte) => byte === space || byte === tab);
