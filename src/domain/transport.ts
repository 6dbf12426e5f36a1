import type { Outcome, ResultBatch } from './outcome.js';
import type { ConsumedBatch } from './record.js';

/** A batch's place in the order of its partition. */
export interface Turn {
  /** Resolves when the outcomes of all batches before it are out; rejects with a `GivenUpError` where some never will be. */
  readonly after: Promise<void>;
  /** Aborted, with the reason, when nobody waits for the batch any more. */
  readonly signal: AbortSignal;
}

/**
 * Takes one batch to its end. Its promise is the only feedback a source gets: acknowledgement and backpressure in one.
 * Several batches of a partition can be under way; each is written in its turn.
 */
export type BatchHandler = (batch: ConsumedBatch, turn: Turn) => Promise<void>;

/** Messages in. */
export interface Source {
  /**
   * Hands batches to `handle` in the order of each partition, a bounded number at a time, and counts a batch
   * as done only when its promise resolves. When the promise rejects, the batch is read again; with an
   * `OffsetMismatchError` it is read from where that says, with a `FencedError` the source gives up.
   *
   * @returns when the input has ended or `stop` was called and every handed-out batch has come back.
   * @throws InfrastructureError when the input is lost for good.
   */
  run(handle: BatchHandler): Promise<void>;

  /** Asks `run` to end: no new batch is handed out, of each partition the first under way is awaited, those behind it are given up. */
  stop(): Promise<void>;
}

/** Results and dead letters out. */
export interface Sink {
  /** @throws InfrastructureError where the output cannot be reached. */
  open(): Promise<void>;

  /**
   * Why an outcome can't go out as it is, whenever it is tried: for people, as in "its record takes 3 bytes of 2".
   *
   * @returns `undefined` where it can
   */
  refuses(outcome: Outcome): string | undefined;

  /**
   * Writes the outcomes of one batch in their order.
   *
   * @returns when they are safely out.
   * @throws InfrastructureError when any of them may not be: the caller has the batch read again.
   * @throws OffsetMismatchError when some of them are out already, or some before them are not. Nothing was written.
   * @throws FencedError when another process has taken over the partition. Nothing was written.
   */
  write(batch: ResultBatch): Promise<void>;

  close(): Promise<void>;
}
