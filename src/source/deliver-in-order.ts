import { GivenUpError } from '../domain/errors.js';
import type { ConsumedBatch } from '../domain/record.js';
import type { BatchHandler, Turn } from '../domain/transport.js';
import { deliver, type Redelivery } from './redelivery.js';

export interface InOrderOptions extends Omit<Redelivery, 'givenUp'> {
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
 * source is stopped, those behind the first. They are not written, and will be read again.
 *
 * @returns when nothing is under way any more
 * @throws what the first batch that could not be delivered failed with
 */
export async function deliverInOrder(
  batches: Iterable<ConsumedBatch> | AsyncIterable<ConsumedBatch>,
  handle: BatchHandler,
  options: InOrderOptions,
): Promise<void> {
  const { window, stopping, delivered } = options;
  /** In their order: the first is the next to be written. One that was not delivered stays. */
  const underWay: UnderWay[] = [];
  /** Whether a batch was not delivered: nothing behind it will be. */
  const course = { ended: false };
  let wake: () => void = () => undefined;
  let before: Promise<boolean> = Promise.resolve(true);
  const giveUpBehind = (index: number): void => underWay.slice(index + 1).forEach((batch) => batch.giveUp());

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
        course.ended = true;
        giveUpBehind(underWay.indexOf(own));
      }
      wake();
    };
    done.then(settled, () => settled(false));
  }

  async function handOut(batch: ConsumedBatch, turn: Turn): Promise<boolean> {
    turn.after.catch(() => undefined);
    // The batch has to be among those under way by now: its handler may stop the source.
    await Promise.resolve();
    const redelivery = { ...options, givenUp: turn.signal };
    if (!(await deliver(batch, (one) => handle(one, turn), redelivery))) return false;
    await turn.after;
    return delivered(batch);
  }

  /**
   * Waits for something, or until a batch settles. A promise that lives as long as this run would keep all that was ever
   * raced against it.
   */
  function untilSettledOr<T>(other?: Promise<T>): Promise<T | undefined> {
    const settled = new Promise<undefined>((resolve) => (wake = () => resolve(undefined)));
    return other === undefined ? settled : Promise.race([settled, other]);
  }

  const giveUpBehindFirst = (): void => giveUpBehind(0);
  stopping.addEventListener('abort', giveUpBehindFirst);
  try {
    const iterator =
      Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    let next: Promise<IteratorResult<ConsumedBatch>> | undefined;
    while (!course.ended && !stopping.aborted) {
      if (underWay.length >= window) {
        await untilSettledOr();
        continue;
      }
      next ??= Promise.resolve(iterator.next());
      const came = await untilSettledOr(next);
      if (came === undefined) continue;
      next = undefined;
      if (came.done === true) break;
      start(came.value);
    }
    for (const { done } of [...underWay]) if (!(await done)) return;
  } catch (error) {
    // Only a source that stops gives up a batch behind one that was delivered.
    if (!(error instanceof GivenUpError)) throw error;
  } finally {
    stopping.removeEventListener('abort', giveUpBehindFirst);
    await Promise.allSettled(underWay.map(({ done }) => done));
  }
}

function expectDelivered(isDelivered: unknown): void {
  if (isDelivered !== true) throw new GivenUpError();
}
