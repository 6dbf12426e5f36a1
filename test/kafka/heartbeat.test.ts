import { once } from 'node:events';
import { expect, test } from 'vitest';
import { keepAlive } from '../../src/kafka/heartbeat.js';

test('It beats until a beat fails, and tells why', async () => {
  let beats = 0;
  const heartbeat = keepAlive(() => {
    beats += 1;
    return beats === 3 ? Promise.reject(new Error('rebalancing')) : Promise.resolve();
  }, 1);

  await once(heartbeat.lost, 'abort');

  expect(beats).toBe(3);
  expect(() => {
    heartbeat.lost.throwIfAborted();
  }).toThrow('rebalancing');
});
