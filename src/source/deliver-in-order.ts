import { GivenUpError } from '../domain/errors.js';
import type { ConsumedBatch } from '../domain/record.js';
import type { BatchHandler } from '../domain/transport.js';
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
 * Each is written only when all before it are done. Where one cannot be delivered, or the source is stopped, those behind
 * the first are given up: they are not written, and will be read again.
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
  /** In their order: the first is the next to be written. */
  const underWay: UnderWay[] = [];
  const giveUpBehindFirst = (): void => underWay.slice(1).forEach((batch) => batch.giveUp());
  let end: (isDelivered: false | PromiseLike<never>) => void = () => undefined;
  /** Settles when a batch is not delivered: nothing behind it will be. */
  const ended = new Promise<false>((resolve) => (end = resolve));
  ended.catch(() => undefined);
  let before: Promise<boolean> = Promise.resolve(true);

  function start(batch: ConsumedBatch): void {
    const given = new AbortController();
    const after = before.then(expectDelivered, expectDelivered);
    after.catch(() => undefined);
    const turn = { after, signal: given.signal };
    const done = deliver(batch, (one) => handle(one, turn), options).then(
      (isDelivered) => isDelivered && delivered(batch),
    );
    const own: UnderWay = { done, giveUp: () => given.abort(new GivenUpError()) };
    underWay.push(own);
    before = done;
    const stop = (result: false | Promise<never>): void => {
      giveUpBehindFirst();
      end(result);
    };
    done
      .then(
        (isDelivered) => (isDelivered ? undefined : stop(false)),
        (error: unknown) => stop(error instanceof GivenUpError ? false : Promise.reject(error as Error)),
      )
      .finally(() => underWay.splice(underWay.indexOf(own), 1));
  }

  stopping.addEventListener('abort', giveUpBehindFirst);
  try {
    const iterator =
      Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    for (let goOn = true; goOn && !stopping.aborted;) {
      const next = await Promise.race([iterator.next(), ended]);
      if (next === false || next.done === true) break;
      start(next.value);
      while (goOn && underWay.length >= window)
        goOn = (await Promise.race([underWay[0]?.done, ended])) ?? true;
    }
    const all = await Promise.race([Promise.all(underWay.map(({ done }) => done)), ended]);
    return all !== false && all.every(Boolean) && !stopping.aborted;
  } finally {
    stopping.removeEventListener('abort', giveUpBehindFirst);
    await Promise.allSettled(underWay.map(({ done }) => done));
  }
}

function expectDelivered(isDelivered: unknown): void {
  if (isDelivered !== true) throw new GivenUpError();
}
