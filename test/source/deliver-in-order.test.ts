import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FencedError, GivenUpError, OffsetMismatchError, OutputLostError } from '../../src/domain/errors.js';
import type { ConsumedBatch } from '../../src/domain/record.js';
import type { BatchHandler, Turn } from '../../src/domain/transport.js';
import { deliverInOrder, type InOrderOptions } from '../../src/source/deliver-in-order.js';

const batchAt = (offset: number): ConsumedBatch => ({
  ...{ topic: 'posts', partition: 0, generation: 1, records: [] },
  firstOffset: BigInt(offset),
  lastOffset: BigInt(offset),
});
const batches = (count: number) => Array.from({ length: count }, (_, offset) => batchAt(offset));
const numberOf = ({ firstOffset }: ConsumedBatch): number => Number(firstOffset);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** What was done with the batches, by their numbers, in the order in which it was. */
interface Course {
  readonly handed: number[];
  readonly written: number[];
  readonly delivered: number[];
  readonly failed: number[];
  readonly givenUp: number[];
  mostUnderWay: number;
}

/** Delivers batches that are written in their turn, after `work`, and tells the course of it. */
function delivery(
  given: Iterable<ConsumedBatch> | AsyncIterable<ConsumedBatch>,
  work: (batch: number, turn: Turn) => Promise<unknown>,
  {
    stopping = new AbortController(),
    write,
    ...own
  }: Partial<Omit<InOrderOptions, 'stopping'>> & {
    readonly stopping?: AbortController;
    readonly write?: (batch: number) => Promise<unknown>;
  } = {},
): { readonly course: Course; readonly end: Promise<void> } {
  const course: Course = { handed: [], written: [], delivered: [], failed: [], givenUp: [], mostUnderWay: 0 };
  let underWay = 0;
  const handle: BatchHandler = async (batch, turn) => {
    const number = numberOf(batch);
    course.handed.push(number);
    course.mostUnderWay = Math.max(course.mostUnderWay, ++underWay);
    const note = (): void => void course.givenUp.push(number);
    turn.signal.addEventListener('abort', note);
    try {
      await work(number, turn);
      await turn.after;
      await write?.(number);
      course.written.push(number);
    } finally {
      underWay -= 1;
    }
  };
  const end = deliverInOrder(given, handle, {
    window: 3,
    attempts: Infinity,
    stopping: stopping.signal,
    failed: (batch) => course.failed.push(numberOf(batch)),
    delivered: async (batch) => {
      await sleep(0);
      course.delivered.push(numberOf(batch));
      return true;
    },
    ...own,
  });
  return { course, end };
}

describe('delivering batches in order', () => {
  it('hands them out, writes them and tells of them in order, never more at a time than it may', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        async (durations, window, isAsync) => {
          const all = batches(durations.length);
          const { course, end } = delivery(isAsync ? asyncOf(all) : all, (batch) => sleep(durations[batch]), {
            window,
          });
          await end;
          const order = upTo(durations.length);
          expect(course).toMatchObject({
            handed: order,
            written: order,
            delivered: order,
            failed: [],
            givenUp: [],
          });
          expect(course.mostUnderWay).toBeLessThanOrEqual(window);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('has as many under way as it may while the first is not done', async () => {
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    const { course, end } = delivery(batches(10), (batch) => (batch === 0 ? slow : Promise.resolve()), {
      window: 4,
    });
    await sleep(20);
    expect(course).toMatchObject({ handed: [0, 1, 2, 3], written: [], delivered: [] });
    finish();
    await end;
    expect(course.written).toEqual(upTo(10));
  });

  it('hands a batch out again when it fails, while those behind it wait and none of them is written before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ duration: fc.nat(3), fails: fc.constantFrom(0, 0, 0, 1) }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (plans, window, failsInWrite) => {
          const left = plans.map(({ fails }) => fails);
          const fail = async (batch: number, isHere: boolean): Promise<void> => {
            await sleep(plans[batch]?.duration);
            if (isHere && left[batch]! > 0) {
              left[batch]! -= 1;
              throw new Error(`no luck with ${batch}`);
            }
          };
          const { course, end } = delivery(batches(plans.length), (batch) => fail(batch, !failsInWrite), {
            window,
            write: (batch) => fail(batch, failsInWrite),
          });
          await end;
          const order = upTo(plans.length);
          expect(course).toMatchObject({ written: order, delivered: order, givenUp: [] });
          expect(course.failed.sort((a, b) => a - b)).toEqual(
            order.filter((batch) => plans[batch]!.fails > 0),
          );
        },
      ),
      { numRuns: 12 },
    );
  });

  it.for([
    new FencedError('another has it'),
    new OffsetMismatchError(30n),
    new OutputLostError(new Error('no space left')),
  ])('ends with a $name of one batch, and writes nothing behind it', async (error) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.integer({ min: 1, max: 6 }),
        async (durations, choice, window) => {
          const failing = choice % durations.length;
          const { course, end } = delivery(batches(durations.length), (batch) => sleep(durations[batch]), {
            window,
            write: (batch) => (batch === failing ? Promise.reject(error) : Promise.resolve()),
          });
          await expect(end).rejects.toBe(error);
          const before = upTo(failing);
          expect(course).toMatchObject({ written: before, delivered: before, failed: [] });
          expect(course.givenUp.every((batch) => batch > failing)).toBe(true);
          expect(course.handed).toEqual(upTo(course.handed.length));
          expect(course.handed.length).toBeLessThanOrEqual(failing + window);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('writes what stands before a batch that failed for the last time, and nothing behind it', async () => {
    const { course, end } = delivery(
      batches(6),
      async (batch) => {
        await sleep(batch === 3 ? 0 : 30);
        if (batch === 3) throw new Error('out of memory');
      },
      { window: 5, attempts: 1 },
    );
    await expect(end).rejects.toThrow('out of memory');
    expect(course).toMatchObject({ written: [0, 1, 2], delivered: [0, 1, 2], givenUp: [4] });
  });

  it('ends where it is told not to go on, and writes nothing behind that', async () => {
    const told: number[] = [];
    const { course, end } = delivery(batches(6), () => sleep(1), {
      delivered: (batch) => {
        told.push(numberOf(batch));
        return Promise.resolve(numberOf(batch) < 2);
      },
    });
    await end;
    expect(told).toEqual([0, 1, 2]);
    expect(course.written).toEqual([0, 1, 2]);
  });

  it('finishes the first batch when it is stopped, and gives up those behind it', async () => {
    const stopping = new AbortController();
    const reasons: unknown[] = [];
    const { course, end } = delivery(
      batches(10),
      async (batch, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        if (batch === 4) stopping.abort();
        // The first takes its time, the others are ready at once.
        await (batch === 2 ? sleep(50) : sleep(1));
      },
      { stopping },
    );
    await end;
    expect(course).toMatchObject({
      handed: [0, 1, 2, 3, 4],
      written: [0, 1, 2],
      delivered: [0, 1, 2],
      givenUp: [3, 4],
    });
    expect(reasons).toEqual([expect.any(GivenUpError), expect.any(GivenUpError)]);
  });

  it('rejects with what the first batch failed with although it was stopped', async () => {
    const stopping = new AbortController();
    const { course, end } = delivery(
      batches(3),
      async (batch) => {
        if (batch === 2) stopping.abort();
        await sleep(10);
      },
      { stopping, write: () => Promise.reject(new OutputLostError(new Error('no space left'))) },
    );
    await expect(end).rejects.toThrow('no space left');
    expect(course.written).toEqual([]);
  });

  it('does not hand a batch out again once it is stopped', async () => {
    const stopping = new AbortController();
    const { course, end } = delivery(
      batches(3),
      () => {
        setTimeout(() => stopping.abort(), 10);
        return Promise.reject(new Error('the model is gone'));
      },
      { stopping, window: 1 },
    );
    await end;
    expect(course).toMatchObject({ handed: [0], written: [], delivered: [] });
  });

  it('ends with a lost output although its input is idle', async () => {
    let isIdle = false;
    async function* idleAfterOne(): AsyncGenerator<ConsumedBatch> {
      yield batchAt(0);
      isIdle = true;
      await new Promise(() => undefined);
    }
    const { course, end } = delivery(idleAfterOne(), () => sleep(10), {
      write: () => Promise.reject(new OutputLostError(new Error('the reader has gone'))),
    });
    await expect(end).rejects.toThrow('the reader has gone');
    expect(isIdle).toBe(true);
    expect(course.written).toEqual([]);
  });

  it('ends with what its input failed with, once what is under way is delivered', async () => {
    async function* broken(): AsyncGenerator<ConsumedBatch> {
      yield batchAt(0);
      yield batchAt(1);
      await Promise.resolve();
      throw new Error('the disk is gone');
    }
    const { course, end } = delivery(broken(), () => sleep(10));
    await expect(end).rejects.toThrow('the disk is gone');
    expect(course).toMatchObject({ written: [0, 1], delivered: [0, 1] });
  });

  it('does not tell of a batch before those before it, even where its handler did not wait for its turn', async () => {
    const delivered: number[] = [];
    const handle: BatchHandler = (batch) => sleep(numberOf(batch) === 0 ? 20 : 0);
    const end = deliverInOrder(batches(4), handle, {
      window: 4,
      attempts: 1,
      stopping: new AbortController().signal,
      failed: () => undefined,
      delivered: (batch) => Promise.resolve(delivered.push(numberOf(batch)) > 0),
    });
    await end;
    expect(delivered).toEqual([0, 1, 2, 3]);
  });
});

it(
  'keeps nothing of the batches that are delivered, however long its input is',
  { timeout: 60_000 },
  async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const held = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const megabyte = 2 ** 20;
    const measured: number[] = [];
    async function* long(): AsyncGenerator<ConsumedBatch> {
      for (const offset of upTo(300)) {
        await sleep(0);
        if (offset % 100 === 50) measured.push(held());
        const value = Buffer.alloc(megabyte, 1);
        const position = { topic: 'posts', partition: 0, offset: BigInt(offset) };
        yield { ...batchAt(offset), records: [{ position, key: null, value, headers: {}, timestamp: 0 }] };
      }
    }
    await delivery(long(), () => Promise.resolve()).end;
    expect(measured.at(-1)! - measured[0]!).toBeLessThan(20 * megabyte);
  },
);

async function* asyncOf<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    await sleep(0);
    yield item;
  }
}
