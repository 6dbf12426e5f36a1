import { afterAll, beforeAll, test } from 'vitest';
import { describeWithKafka } from '../support/kafka.js';
import { startJavaBroker, type JavaBroker } from '../support/kafka-broker.js';
import { findJavaTools, type JavaTools } from '../support/kafka-tools.js';
import { someFaults } from './faults.js';
import { expectFlawless } from './flawless.js';
import { runFault } from './run-fault.js';

describeWithKafka('Exactly once, whatever happens to the agent', () => {
  let tools: JavaTools;
  let process: JavaBroker;
  beforeAll(async () => {
    tools = await findJavaTools();
    process = await startJavaBroker(tools);
  });
  afterAll(() => process.stop());

  for (const { name, tries } of someFaults) {
    test.each(tries)(`${name}: $name`, { timeout: 200_000 }, async ({ inject, exits = [] }) => {
      expectFlawless(await runFault([process], tools, inject, { posts: 120 }), exits);
    });
  }
});
