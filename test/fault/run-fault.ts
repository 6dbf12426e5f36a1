import { connectTo } from '../support/broker.js';
import type { JavaBroker } from '../support/kafka-broker.js';
import type { JavaTools } from '../support/kafka-tools.js';
import type { Verdict } from './oracle.js';
import { openScene, type Scene, type SupervisedAgent } from './scene.js';

/** Where a fault is brought about, with the brokers as processes that can be harmed. */
export interface FaultContext extends Scene {
  /** The first of the brokers. */
  readonly brokerProcess: JavaBroker;
  readonly brokerProcesses: readonly JavaBroker[];
  readonly tools: JavaTools;
  /** Starts an agent and waits until it is in the middle of its work. */
  working(): Promise<SupervisedAgent>;
  /** Is called when the agents have ended. */
  finally(clear: () => Promise<void>): void;
}

/** Starts agents, brings a fault on them and ends it. */
export type Inject = (context: FaultContext) => Promise<void>;

/** How it went. */
export interface FaultResult {
  readonly verdict: Verdict;
  /** Seconds from the end of the fault until the outcome of all that waited, and of fresh posts, was committed. */
  readonly recovered: number;
  /** How processes ended that were not asked to. */
  readonly exits: readonly (number | NodeJS.Signals | null)[];
  /** How they ended when they were asked to at the end. */
  readonly ends: readonly (number | null)[];
}

export async function runFault(
  brokerProcesses: readonly JavaBroker[],
  tools: JavaTools,
  inject: Inject,
  { posts = 240, partitions = 2 } = {},
): Promise<FaultResult> {
  const [brokerProcess] = brokerProcesses;
  if (brokerProcess === undefined) throw new Error('there is no broker');
  const brokers = brokerProcesses.flatMap((broker) => broker.brokers);
  const scene = await openScene(connectTo(brokers, tools), partitions);
  const working = async (): Promise<SupervisedAgent> => {
    const agent = scene.start();
    await scene.untilCommitted(40);
    await scene.expectWork();
    return agent;
  };
  const clears: (() => Promise<void>)[] = [];
  try {
    await scene.feed(posts);
    await inject({
      ...scene,
      ...{ brokerProcess, brokerProcesses, tools, working },
      finally: (clear) => clears.push(clear),
    });
    const since = performance.now();
    await scene.feed(2 * partitions);
    await scene.untilCommitted();
    const recovered = (performance.now() - since) / 1_000;
    const exits = scene.agents.flatMap((agent) => agent.exits);
    const ends = await Promise.all(scene.agents.map((agent) => agent.stop()));
    return { verdict: await scene.verdict(), recovered, exits, ends };
  } finally {
    await Promise.all(scene.agents.map((agent) => agent.stop()));
    await Promise.all(clears.map((clear) => clear()));
  }
}
