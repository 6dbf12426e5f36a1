/** What this file uses of that part of kafkajs which fetches for a consumer. */
interface Runner {
  readonly running: boolean;
  fetch(nodeId: string): Promise<unknown>;
}

/**
 * kafkajs starts its fetchers anew when the cluster's brokers change. Those that it starts while the consumer stops are
 * told by no one, and ask a consumer that answers at once with nothing, over and over: as no timer and no socket gets a
 * turn in between, the process stands still for ever. Here that consumer answers with an error, which ends them.
 */
export function repairStoppedFetch(require: NodeJS.Require): void {
  const { prototype } = require('kafkajs/src/consumer/runner.js') as { readonly prototype: Runner };
  const { fetch } = prototype;
  prototype.fetch = async function (nodeId) {
    if (!this.running) throw new Error('the consumer has stopped');
    return fetch.call(this, nodeId);
  };
}
