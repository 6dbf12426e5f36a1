import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchQueue, type BatchLimits } from '../../src/serving/batch-queue.js';

/** An item: its number in the order of coming, and what it costs. */
interface Item {
  readonly number: number;
  readonly cost: number;
}

const limitsOf = fc.record({
  maxSize: fc.integer({ min: 1, max: 9 }),
  maxCost: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(Infinity)),
  maxWaitMs: fc.nat(10),
});
const costsOf = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 });

/** A queue of items that come one millisecond after the other, with what becomes of each. */
function queueOf(costs: readonly number[], limits: BatchLimits, signals: readonly AbortSignal[] = []) {
  let now = 0;
  const queue = new BatchQueue<Item, string>(
    limits,
    ({ cost }) => cost,
    () => now,
  );
  const items = costs.map((cost, number) => ({ number, cost }));
  const answers = items.map((item) => {
    now = item.number;
    return queue.submit(item, signals[item.number]);
  });
  return { queue, items, answers };
}

const numbersOf = (items: readonly Item[]) => items.map(({ number }) => number);
const costOf = (items: readonly Item[]) => items.length * Math.max(...items.map(({ cost }) => cost));

describe('a queue of items', () => {
  it('answers each item once, with its own result, whatever the batches are', async () => {
    await fc.assert(
      fc.asyncProperty(
        costsOf,
        limitsOf,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
        async (costs, limits, most) => {
          const { queue, items, answers } = queueOf(costs, limits);
          const taken: number[] = [];
          for (let batch = 0; queue.length > 0; batch++) {
            const { items: own, resolve } = queue.take(most[batch % most.length] ?? 1);
            taken.push(...numbersOf(own));
            resolve(own.map(({ number }) => `result ${number}`));
          }
          expect(await Promise.all(answers)).toEqual(items.map(({ number }) => `result ${number}`));
          expect(taken.sort((a, b) => a - b)).toEqual(numbersOf(items));
        },
      ),
    );
  });

  it('takes no more than its size and its cost, but for one item that is dearer than that alone', () => {
    fc.assert(
      fc.property(costsOf, limitsOf, fc.integer({ min: 1, max: 12 }), (costs, limits, most) => {
        const { queue } = queueOf(costs, limits);
        while (queue.length > 0) {
          const { items } = queue.take(most);
          expect(items.length).toBeGreaterThan(0);
          expect(items.length).toBeLessThanOrEqual(Math.min(most, limits.maxSize));
          if (items.length > 1) expect(costOf(items)).toBeLessThanOrEqual(limits.maxCost);
        }
      }),
    );
  });

  it('has the item that waited longest in its next batch, and tells when that came', () => {
    fc.assert(
      fc.property(costsOf, limitsOf, (costs, limits) => {
        const { queue, items } = queueOf(costs, limits);
        let waiting = numbersOf(items);
        while (queue.length > 0) {
          expect(queue.since).toBe(waiting[0]);
          const batch = queue.take(Infinity);
          const own = numbersOf(batch.items);
          expect(own).toContain(waiting[0]);
          expect(batch.since).toBe(waiting[0]);
          waiting = waiting.filter((number) => !own.includes(number));
          expect(queue).toHaveLength(waiting.length);
        }
        expect(queue.since).toBeUndefined();
      }),
    );
  });

  it('takes the items whose costs are nearest to that of the oldest, the older of two as near', () => {
    fc.assert(
      fc.property(costsOf, limitsOf, (costs, limits) => {
        const { queue, items } = queueOf(costs, limits);
        let waiting = items;
        while (waiting.length > 0) {
          const [first = items[0]!] = waiting;
          const nearest = waiting.toSorted(
            (a, b) => Math.abs(a.cost - first.cost) - Math.abs(b.cost - first.cost),
          );
          const { items: own } = queue.take(Infinity);
          // What was left out although it is nearer than something that was taken was too dear for the batch.
          for (const [rank, item] of nearest.entries()) {
            if (own.includes(item)) continue;
            const nearer = nearest.slice(0, rank).filter((one) => own.includes(one));
            const isFull = nearer.length === limits.maxSize;
            expect(isFull || costOf([...nearer, item]) > limits.maxCost).toBe(true);
          }
          waiting = waiting.filter((item) => !own.includes(item));
        }
      }),
    );
  });

  it('takes items of one cost in the order in which they came', () => {
    const { queue } = queueOf([7, 7, 7, 7, 7], { maxSize: 2, maxCost: Infinity, maxWaitMs: 0 });
    expect([queue.take(9), queue.take(9), queue.take(9)].map(({ items }) => numbersOf(items))).toEqual([
      [0, 1],
      [2, 3],
      [4],
    ]);
  });

  it('drops what nobody waits for any more: it is rejected with the reason, and never taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        costsOf,
        limitsOf,
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        fc.boolean(),
        async (costs, limits, choice, isAbortedBefore) => {
          const givenUp = costs.map((_, number) => choice[number] === true);
          const controllers = costs.map(() => new AbortController());
          const abort = (): void =>
            controllers.forEach((controller, number) => {
              if (givenUp[number] === true) controller.abort(new Error(`${number} is given up`));
            });
          if (isAbortedBefore) abort();
          const { queue, items, answers } = queueOf(
            costs,
            limits,
            controllers.map(({ signal }) => signal),
          );
          abort();
          queue.dropAborted();
          expect(queue).toHaveLength(givenUp.filter((isGivenUp) => !isGivenUp).length);
          while (queue.length > 0) {
            const batch = queue.take(Infinity);
            batch.resolve(batch.items.map(({ number }) => String(number)));
          }
          const settled = await Promise.allSettled(answers);
          expect(
            settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message)),
          ).toEqual(items.map(({ number }) => (givenUp[number] ? `${number} is given up` : `${number}`)));
        },
      ),
    );
  });

  it('is full when the next item would have to wait for another batch', () => {
    const limits = { maxSize: 3, maxCost: 40, maxWaitMs: 0 };
    expect(queueOf([1, 1], limits).queue.isFull).toBe(false);
    expect(queueOf([1, 1, 1], limits).queue.isFull).toBe(true);
    expect(queueOf([1, 20], limits).queue.isFull).toBe(true);
    expect(queueOf([20], limits).queue.isFull).toBe(false);
    expect(queueOf([21], limits).queue.isFull).toBe(true);
  });

  it('rejects every item of a batch that failed, and takes no results in another number than its items', async () => {
    const { queue, answers } = queueOf([1, 1, 1], { maxSize: 2, maxCost: Infinity, maxWaitMs: 0 });
    queue.take(2).reject(new Error('out of memory'));
    expect(() => queue.take(1).resolve([])).toThrow('a batch of 1 came back with 0 results');
    await expect(answers[0]).rejects.toThrow('out of memory');
    await expect(answers[1]).rejects.toThrow('out of memory');
  });

  it('has no batch while nothing waits', () => {
    expect(() => queueOf([], { maxSize: 1, maxCost: 1, maxWaitMs: 0 }).queue.take(1)).toThrow(RangeError);
  });
});
