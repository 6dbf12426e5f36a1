import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPixelBudget } from '../../src/images/pixel-budget.js';

it('a pixel budget is never exceeded, starts work in its order, and all work is done, whether it fails or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ pixels: fc.integer({ min: 0, max: 10 }), ticks: fc.nat(3), fails: fc.boolean() })),
      async (work) => {
        const budget = createPixelBudget(10);
        let used = 0;
        const started: number[] = [];
        const done = await Promise.allSettled(
          work.map(({ pixels, ticks, fails }, index) =>
            budget.run(pixels, async () => {
              started.push(index);
              used += pixels;
              expect(used).toBeLessThanOrEqual(10);
              for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
              used -= pixels;
              if (fails) throw new Error('as asked');
            }),
          ),
        );
        expect(started).toEqual(work.map((_, index) => index));
        expect(done.map(({ status }) => status)).toEqual(
          work.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        );
      },
    ),
  );
});
