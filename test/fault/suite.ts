import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startJavaCluster, type JavaBroker } from '../support/kafka-broker.js';
import { findJavaTools, type JavaTools } from '../support/kafka-tools.js';
import { faults } from './faults.js';
import { expectFlawless } from './flawless.js';
import { runFault, type FaultResult } from './run-fault.js';
import { sessionTimeoutMs } from './scene.js';
import { isTried, record } from './table.js';

/** Seconds in which all has to flow again. */
const mostSeconds = sessionTimeoutMs / 1_000 + 15;

describe('Every record has one outcome, whatever happens', () => {
  let tools: JavaTools;
  let brokerProcesses: readonly JavaBroker[] = [];
  const stop = (): Promise<unknown> => Promise.all(brokerProcesses.map((broker) => broker.stop()));
  beforeAll(async () => {
    tools = await findJavaTools();
  });
  afterAll(stop);

  for (const fault of faults) {
    test.skipIf(isTried(fault))(fault.name, async () => {
      const { tries, brokers = 1 } = fault;
      if (brokerProcesses.length !== brokers) {
        await stop();
        brokerProcesses = await startJavaCluster(tools, brokers);
      }
      const results: FaultResult[] = [];
      for (const { name, inject, exits = [] } of tries) {
        const result = await runFault(brokerProcesses, tools, inject);
        console.log(name, JSON.stringify(result));
        expectFlawless(result, exits);
        expect(result.recovered).toBeLessThan(mostSeconds);
        results.push(result);
      }
      record(fault, results);
    });
  }
});
