import { describe, inject } from 'vitest';
import { connectTo, type Broker } from './broker.js';
import type { BrokerAnswer } from './kafka-global.js';
import { findJavaTools } from './kafka-tools.js';

/**
 * Describes tests that need a broker. Where none can be had they are skipped and the title says why;
 * with `REQUIRE_KAFKA=1` that is a failure.
 */
export function describeWithKafka(title: string, tests: (broker: Broker) => void): void {
  if ('reason' in found) {
    describe.skip(`${title} (skipped, no Kafka broker: ${found.reason})`, () => {
      tests(undefined as never);
    });
  } else {
    describe(title, () => {
      tests(found);
    });
  }
}

/** The broker that all test files of a run share. */
const found: Broker | { readonly reason: string } = await findBroker();
if ('reason' in found && process.env['REQUIRE_KAFKA'] === '1') {
  throw new Error(`REQUIRE_KAFKA is set and there is no Kafka broker: ${found.reason}`);
}

async function findBroker(): Promise<Broker | { readonly reason: string }> {
  const answer = (await (await fetch(inject('kafkaUrl'))).json()) as BrokerAnswer;
  return 'reason' in answer ? answer : connectTo(answer.brokers, await findJavaTools());
}
