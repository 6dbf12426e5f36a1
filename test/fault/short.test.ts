import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodes } from '../../src/domain/errors.js';
import { describeWithKafka } from '../support/kafka.js';
import { startJavaBroker, type JavaBroker } from '../support/kafka-broker.js';
import { findJavaTools, type JavaTools } from '../support/kafka-tools.js';
import { someFaults } from './faults.js';
import { flawless } from './oracle.js';
import { perform } from './performance.js';

describeWithKafka('Exactly once, whatever happens to the agent', () => {
  let tools: JavaTools;
  let process: JavaBroker;
  beforeAll(async () => {
    tools = await findJavaTools();
    process = await startJavaBroker(tools);
  });
  afterAll(() => process.stop());

  for (const { name, tries, exits: expected = [] } of someFaults) {
    test.each(tries)(`${name}: $name`, { timeout: 200_000 }, async ({ act }) => {
      const { verdict, exits, ends } = await perform([process], tools, act, { posts: 120 });

      expect(verdict).toEqual(flawless);
      expect(new Set(exits)).toEqual(new Set(expected));
      expect(new Set(ends)).toEqual(new Set([exitCodes.done]));
    });
  }
});
