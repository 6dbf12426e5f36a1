import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startAnyBroker, type RunningBroker } from './kafka-broker.js';
import { findJavaTools } from './kafka-tools.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test file asks for the broker that all files of a run share. */
    readonly kafkaUrl: string;
  }
}

/** What a test file is told: a broker's addresses, or why there is none. */
export type BrokerAnswer = { readonly brokers: readonly string[] } | { readonly reason: string };

/** One broker for a whole test run. It starts when the first test file asks for it, and ends with the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let broker: Promise<RunningBroker> | undefined;
  const server = createServer((_request, response) => {
    broker ??= findJavaTools().then(startAnyBroker);
    broker
      .then(
        ({ brokers }): BrokerAnswer => ({ brokers }),
        (error: unknown): BrokerAnswer => ({
          reason: error instanceof Error ? error.message : String(error),
        }),
      )
      .then((answer) => response.end(JSON.stringify(answer)))
      .catch((error: unknown) => response.destroy(error as Error));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  project.provide('kafkaUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  return async () => {
    server.closeAllConnections();
    server.close();
    const started = await broker?.catch(() => undefined);
    await started?.stop();
  };
}
