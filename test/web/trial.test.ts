import { expect, it } from 'vitest';
import { createTrials } from '../../src/web/trial.js';
import { tagged } from './finished-posts.js';

it('Trials come six at once and then one every two seconds, all visitors together', () => {
  let ms = 0;
  const trials = createTrials(
    () => Promise.resolve(tagged('typed')),
    () => ms,
  );
  const admitted = () => {
    let count = 0;
    while (trials.busyForSeconds() === 0) count += 1;
    return count;
  };
  expect(admitted()).toBe(6);
  expect(trials.busyForSeconds()).toBe(2);
  ms += 1_500;
  expect(trials.busyForSeconds()).toBe(1);
  expect(admitted()).toBe(0);
  ms += 500;
  expect(admitted()).toBe(1);
  ms += 3_600_000;
  expect(admitted()).toBe(6);
});

it('No more come while two are under way', async () => {
  const finish: (() => void)[] = [];
  const trials = createTrials(
    () => new Promise((resolve) => finish.push(() => resolve(tagged('typed')))),
    () => 0,
  );
  const [one, other] = [trials.run({ text: 'a' }), trials.run({ text: 'b' })];
  expect(trials.busyForSeconds()).toBe(2);
  finish.shift()?.();
  await one;
  expect(trials.busyForSeconds()).toBe(0);
  finish.shift()?.();
  await other;
});

it('Trials have ids and places of their own', async () => {
  const records: unknown[] = [];
  const trials = createTrials((record) => {
    records.push([record.position, JSON.parse(String(record.value))]);
    return Promise.resolve(tagged('typed'));
  });
  await trials.run({ text: 'a' });
  await trials.run({ text: 'b', image: 'data:image/gif;base64,AAAA' });
  expect(records).toEqual([
    [
      { topic: 'typed', partition: 0, offset: 1n },
      { id: 'typed-1', text: 'a', images: [] },
    ],
    [
      { topic: 'typed', partition: 0, offset: 2n },
      { id: 'typed-2', text: 'b', images: ['data:image/gif;base64,AAAA'] },
    ],
  ]);
});
