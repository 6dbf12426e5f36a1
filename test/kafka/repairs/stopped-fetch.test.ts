import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { repairStoppedFetch } from '../../../src/kafka/repairs/stopped-fetch.js';

interface FetchManager {
  start(): Promise<void>;
}

const require = createRequire(import.meta.url);
const Runner = require('kafkajs/src/consumer/runner.js') as {
  readonly prototype: { fetch(nodeId: string): Promise<readonly unknown[]> };
};
const createFetchManager = require('kafkajs/src/consumer/fetchManager.js') as (
  options: object,
) => FetchManager;
const silent: object = { namespace: () => silent, debug: () => undefined, info: () => undefined };

it('ends fetchers of a consumer that has stopped, where kafkajs would spin for ever', async () => {
  repairStoppedFetch(require);
  const stopped: object = Object.assign(Object.create(Runner.prototype), {
    ...{ running: false, logger: silent, consumerGroup: {} },
  });
  const manager = createFetchManager({
    logger: silent,
    getNodeIds: () => ['1', '2'],
    fetch: (nodeId: string) => Runner.prototype.fetch.call(stopped, nodeId),
    handler: () => Promise.resolve(),
  });
  await expect(manager.start()).rejects.toThrow('the consumer has stopped');
});
