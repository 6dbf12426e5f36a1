import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/domain/errors.js';
import { startJavaCluster, type JavaBroker } from '../support/kafka-broker.js';
import { findJavaTools, type JavaTools } from '../support/kafka-tools.js';
import { faults } from './faults.js';
import { flawless } from './oracle.js';
import { perform, type Performance } from './performance.js';
import { sessionTimeoutMs } from './scene.js';
import { isTried, record } from './table.js';

/** Seconds in which all has to flow again. */
const mostSeconds = sessionTimeoutMs / 1_000 + 15;

describe('Every record has one outcome, whatever happens', () => {
  let tools: JavaTools;
  let cluster: readonly JavaBroker[] = [];
  const stop = (): Promise<unknown> => Promise.all(cluster.map((broker) => broker.stop()));
  beforeAll(async () => {
    tools = await findJavaTools();
  });
  afterAll(stop);

  for (const { name, tries, brokers = 1, exits = [], timesEach = 1 } of faults) {
    test.skipIf(isTried(name, tries.length * timesEach))(name, async () => {
      if (cluster.length !== brokers) {
        await stop();
        cluster = await startJavaCluster(tools, brokers);
      }
      const performances: Performance[] = [];
      for (const { name: attempt, act } of tries) {
        const performance = await perform(cluster, tools, act);
        console.log(attempt, JSON.stringify(performance));
        performances.push(performance);
        record(name, performances.length * timesEach, performances);
      }

      for (const { verdict, recovered, ends } of performances) {
        expect(verdict).toEqual(flawless);
        expect(recovered).toBeLessThan(mostSeconds);
        expect(new Set(ends)).toEqual(new Set([exitCodes.done]));
      }
      const { lostPlace } = exitCodes;
      expect(new Set([...performances.flatMap((each) => each.exits), lostPlace])).toEqual(
        new Set([...exits, lostPlace]),
      );
    });
  }
});
