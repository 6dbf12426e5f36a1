import { expect, it } from 'vitest';
import { createTrials } from '../../src/web/trial.js';
import { tagged } from './finished-posts.js';

it('Trials are bounded in their number at once and in their rate, for all visitors together', async () => {
  let ms = 0;
  const waiting: (() => void)[] = [];
  const trials = createTrials(
    () => new Promise((resolve) => waiting.push(() => resolve(tagged('typed')))),
    () => ms,
  );
  const finish = () => waiting.splice(0).forEach((done) => done());
  const isBusy = (result: object) => 'busyForSeconds' in result;

  const two = [trials.run({ text: 'a' }), trials.run({ text: 'b' })];
  expect(await trials.run({ text: 'c' })).toEqual({ busyForSeconds: 2 });
  finish();
  expect((await Promise.all(two)).map(isBusy)).toEqual([false, false]);

  const answered = async () => {
    const result = trials.run({ text: 'd' });
    finish();
    return !isBusy(await result);
  };
  let count = 0;
  while (await answered()) count += 1;
  expect(count).toBe(4);
  ms += 1_999;
  expect(await answered()).toBe(false);
  ms += 1;
  expect([await answered(), await answered()]).toEqual([true, false]);
  ms += 3_600_000;
  count = 0;
  while (await answered()) count += 1;
  expect(count).toBe(6);
});
