import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDynamicBatcher } from '../../src/serving/batcher.js';

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('the dynamic batcher', () => {
  it('answers every item with its own result, in batches of at most its size, one at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(2), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        async (pauses, maxSize) => {
          const batches: number[][] = [];
          let running = 0;
          const batcher = createDynamicBatcher<number, number>({
            maxSize,
            maxWaitMs: 2,
            async run(items) {
              running += 1;
              expect(running).toBe(1);
              batches.push([...items]);
              await tick();
              running -= 1;
              return items.map((item) => item * 10);
            },
          });
          const answers: Promise<number>[] = [];
          for (const [item, pause] of pauses.entries()) {
            answers.push(batcher.submit(item));
            if (pause === 0) await tick();
          }
          expect(await Promise.all(answers)).toEqual(pauses.map((_, item) => item * 10));
          expect(batches.flat()).toEqual(pauses.map((_, item) => item));
          expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(maxSize);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('closes a batch at its size without waiting for the deadline', async () => {
    const sizes: number[] = [];
    const batcher = createDynamicBatcher<number, number>({
      maxSize: 3,
      maxWaitMs: 3_600_000,
      run(items) {
        sizes.push(items.length);
        return Promise.resolve(items);
      },
    });
    await Promise.all([1, 2, 3, 4, 5, 6].map((item) => batcher.submit(item)));
    expect(sizes).toEqual([3, 3]);
  });

  it('closes a batch at the deadline of its oldest item', async () => {
    const batcher = createDynamicBatcher<string, string>({
      maxSize: 100,
      maxWaitMs: 5,
      run: (items) => Promise.resolve(items),
    });
    expect(await Promise.all([batcher.submit('a'), batcher.submit('b')])).toEqual(['a', 'b']);
  });

  it('fills the next batch while one runs', async () => {
    const sizes: number[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const batcher = createDynamicBatcher<number, number>({
      maxSize: 8,
      maxWaitMs: 0,
      async run(items) {
        sizes.push(items.length);
        await held;
        return items;
      },
    });
    const answers = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
    release();
    await Promise.all(answers);
    expect(sizes).toEqual([1, 4]);
  });

  it('fails every item of a failed batch and goes on with the next', async () => {
    let runs = 0;
    const batcher = createDynamicBatcher<number, number>({
      maxSize: 2,
      maxWaitMs: 0,
      run(items) {
        runs += 1;
        return runs === 1 ? Promise.reject(new Error('out of memory')) : Promise.resolve(items);
      },
    });
    await expect(batcher.submit(1)).rejects.toThrow('out of memory');
    await expect(batcher.submit(2)).resolves.toBe(2);
  });

  it('fails a batch that comes back with another number of results', async () => {
    const batcher = createDynamicBatcher<number, number>({
      maxSize: 1,
      maxWaitMs: 0,
      run: () => Promise.resolve([]),
    });
    await expect(batcher.submit(1)).rejects.toThrow('a batch of 1 came back with 0 results');
  });

  it('answers everything submitted before a drain, without waiting for the deadline', async () => {
    const batcher = createDynamicBatcher<number, number>({
      maxSize: 2,
      maxWaitMs: 3_600_000,
      run: (items) => tick().then(() => items),
    });
    const answers = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
    await batcher.drain();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5]);
  });
});
