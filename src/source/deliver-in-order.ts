import { GivenUpError } from '../domain/errors.js';
import type { ConsumedBatch } from '../domain/record.js';
import type { BatchHandler, Turn } from '../domain/transport.js';
import { deliver, type Redelivery } from './redelivery.js';

export interface InOrderOptions extends Redelivery {
  /** Batches that are under way at the same time, at most. */
  readonly window: number;
  /**
   * Is told, in the order of the batches, that one is done; the next is not written before this has resolved.
   *
   * @returns whether to go on
   */
  readonly delivered: (batch: ConsumedBatch) => Promise<boolean>;
}

/** A batch that was handed out. */
interface UnderWay {
  /** Whether it was delivered and the next may be written. */
  readonly done: Promise<boolean>;
  /** Nobody waits for what becomes of it any more. */
  giveUp(): void;
}

/**
 * Hands out the batches of one partition, several at a time, so that none waits for the slowest photo of the one before.
 * Each is written only when all before it are done. Where one cannot be delivered, those behind it are given up; where the
 * source is stopped, those behind the first: they are not written, and will be read again.
 *
 * @returns whether all batches were delivered
 * @throws what the first batch that could not be delivered failed with
 */
export async function deliverInOrder(
  batches: Iterable<ConsumedBatch> | AsyncIterable<ConsumedBatch>,
  handle: BatchHandler,
  options: InOrderOptions,
): Promise<boolean> {
  const { window, stopping, delivered } = options;
  /** In their order: the first is the next to be written. One that was not delivered stays. */
  const underWay: UnderWay[] = [];
  const giveUpBehind = (index: number): void => underWay.slice(index + 1).forEach((batch) => batch.giveUp());
  let end: () => void = () => undefined;
  /** Resolves when a batch is not delivered: nothing behind it will be. */
  const ended = new Promise<void>((resolve) => (end = resolve));
  let before: Promise<boolean> = Promise.resolve(true);

  function start(batch: ConsumedBatch): void {
    const given = new AbortController();
    const after = before.then(expectDelivered, expectDelivered).then(() => given.signal.throwIfAborted());
    const done = handOut(batch, { after, signal: given.signal });
    const own: UnderWay = { done, giveUp: () => given.abort(new GivenUpError()) };
    underWay.push(own);
    before = done;
    const settled = (isDelivered: boolean): void => {
      if (isDelivered) underWay.shift();
      else {
        giveUpBehind(underWay.indexOf(own));
        end();
      }
    };
    done.then(settled, () => settled(false));
  }

  async function handOut(batch: ConsumedBatch, turn: Turn): Promise<boolean> {
    turn.after.catch(() => undefined);
    // The batch has to be among those under way by now: its handler may stop the source.
    await Promise.resolve();
    if (!(await deliver(batch, (one) => handle(one, turn), { ...options, givenUp: turn.signal })))
      return false;
    await turn.after;
    return delivered(batch);
  }

  async function untilRoom(): Promise<void> {
    while (underWay.length >= window) {
      const isDelivered = await Promise.race([ended, underWay[0]?.done]);
      if (isDelivered === undefined) return;
    }
  }

  const giveUpBehindFirst = (): void => giveUpBehind(0);
  stopping.addEventListener('abort', giveUpBehindFirst);
  try {
    const iterator =
      Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    while (!stopping.aborted) {
      const next = await Promise.race([ended, iterator.next()]);
      if (next === undefined || next.done === true) break;
      start(next.value);
      await untilRoom();
    }
    for (const { done } of [...underWay]) if (!(await done)) return false;
    return !stopping.aborted;
  } catch (error) {
    // Only a source that stops gives up a batch behind one that was delivered.
    if (error instanceof GivenUpError) return false;
    throw error;
  } finally {
    stopping.removeEventListener('abort', giveUpBehindFirst);
    await Promise.allSettled(underWay.map(({ done }) => done));
  }
}

function expectDelivered(isDelivered: unknown): void {
  if (isDelivered !== true) throw new GivenUpError();
}
