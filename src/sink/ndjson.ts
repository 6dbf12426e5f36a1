import type { Writable } from 'node:stream';
import { OutputLostError } from '../domain/errors.js';
import type { Outcome, ResultBatch } from '../domain/outcome.js';
import type { Sink } from '../domain/transport.js';

/**
 * Writes one line for each record, in order: a result, or in its place what became of the record. The stream stays
 * open: it belongs to whoever opened it.
 */
export class NdjsonSink implements Sink {
  readonly #output: Writable;
  #errors = 0;

  constructor(output: Writable) {
    this.#output = output;
    // Each write hears of its own error; without a listener the stream would end the process.
    output.on('error', () => undefined);
  }

  /** Lines with an `error`, so far. */
  get errors(): number {
    return this.#errors;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  /** A line may be of any length. */
  refuses(): undefined {
    return undefined;
  }

  async write({ outcomes }: ResultBatch): Promise<void> {
    const lines = outcomes.map((outcome) => `${JSON.stringify(toLine(outcome))}\n`).join('');
    if (lines === '') return;
    await new Promise<void>((resolve, reject) => {
      this.#output.write(lines, (error) => {
        if (error) reject(new OutputLostError(error));
        else resolve();
      });
    });
    this.#errors += outcomes.filter(({ kind }) => kind === 'dead-letter').length;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `line` counts from 1, as editors do. */
function toLine(outcome: Outcome): unknown {
  const line = Number(outcome.position.offset) + 1;
  switch (outcome.kind) {
    case 'tagged':
      return outcome.result;
    case 'tombstone':
      return { id: outcome.id, deleted: true };
    case 'dead-letter':
      return { error: { code: outcome.reason, detail: outcome.detail }, line };
    case 'skipped':
      return { skipped: outcome.reason, line };
  }
}
