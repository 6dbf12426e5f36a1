import { setTimeout as sleep } from 'node:timers/promises';
import { FencedError, GivenUpError, OffsetMismatchError, OutputLostError } from '../domain/errors.js';
import type { ConsumedBatch } from '../domain/record.js';

/** Milliseconds before what failed is tried again: at first, and at most; each wait is twice the one before. */
export const backOff = { first: 200, most: 10_000 } as const;

/** What another attempt with the same batch cannot change. */
const finalErrors = [OutputLostError, OffsetMismatchError, FencedError, GivenUpError] as const;

export interface Redelivery {
  /** How often a batch is handed out, at most. */
  readonly attempts: number;
  /** Aborted when the source is to stop: a batch that fails is not handed out again. */
  readonly stopping: AbortSignal;
  /** Aborted, with the reason, when nobody waits for the batch any more. */
  readonly givenUp: AbortSignal;
  /** Rejects, with the reason, when the batch may have become another process's work. */
  readonly stillOurs?: () => Promise<void>;
  /** Is told of a failure after which the batch is handed out again. */
  readonly failed: (batch: ConsumedBatch, error: unknown) => void;
}

/**
 * Hands a batch out until its handler succeeds, or can't: an output that is lost stays lost.
 *
 * @returns whether it did; `false` when the source was stopped first
 * @throws what the handler failed with on the last attempt, or what `stillOurs` rejected with
 */
export async function deliver(
  batch: ConsumedBatch,
  handle: (batch: ConsumedBatch) => Promise<void>,
  { attempts, stopping, givenUp, stillOurs, failed }: Redelivery,
): Promise<boolean> {
  for (let attempt = 1, wait: number = backOff.first; !stopping.aborted; attempt++) {
    try {
      await handle(batch);
      return true;
    } catch (error) {
      if (attempt >= attempts || finalErrors.some((kind) => error instanceof kind)) throw error;
      failed(batch, error);
    }
    const signal = AbortSignal.any([stopping, givenUp]);
    await sleep(wait, undefined, { signal }).then(stillOurs, () => undefined);
    givenUp.throwIfAborted();
    wait = Math.min(2 * wait, backOff.most);
  }
  return false;
}
