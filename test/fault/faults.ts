import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { exitCodes } from '../../src/domain/errors.js';
import type { SupervisedAgent } from './scene.js';
import type { Act, Stage } from './performance.js';
import { apis, startProxy, type Api } from './proxy.js';

/** What can go wrong, tried one after the other; each try begins with topics of its own. */
export interface Fault {
  readonly name: string;
  /** How often a try brings the fault, where it is not once. */
  readonly timesEach?: number;
  /** How processes end that were not asked to, if any does. Having lost its place is open to all of them. */
  readonly exits?: readonly (number | NodeJS.Signals)[];
  readonly tries: readonly { readonly name: string; readonly act: Act }[];
}

/** The moments of a transaction that `hooks.mjs` knows; the first claims the partition. */
const moments = ['claim', 'sendOffsets', 'sendBatch', 'commit'].flatMap((step) =>
  ['before', 'after'].map((when) => `${when}:${step}`),
);

/** The third transaction; a claim is the first. */
const harmAt = (moment: string, signal: NodeJS.Signals) => ({
  FAULT: `${moment}:${signal}:${moment.endsWith('claim') ? 1 : 3}`,
});

const joined = 'partitions assigned';

async function untilExit(agent: SupervisedAgent, exits = 1): Promise<void> {
  while (agent.exits.length < exits) await sleep(20);
}

/** The agent is killed at a moment of a transaction and started again. */
const killedAt =
  (moment: string): Act =>
  async (stage) => {
    await untilExit(stage.start(harmAt(moment, 'SIGKILL')));
  };

/** The agent is frozen until another has done its work, then goes on where it was. */
const zombieAt =
  (moment: string): Act =>
  async (stage) => {
    const zombie = stage.start(harmAt(moment, 'SIGSTOP'));
    await zombie.untilSaid('FAULT');
    const heir = stage.start();
    await stage.untilCommitted();
    await stage.feed(40);
    zombie.now.process.kill('SIGCONT');
    // One of them is told that its place is taken, but for the zombie that had none yet.
    await Promise.race([untilExit(zombie), untilExit(heir), sleep(10_000)]);
    await Promise.all([zombie, heir].map((agent) => agent.untilSaid(joined)));
  };

/** The agent is killed again and again, wherever it happens to be. */
const killedAtRandom =
  (times: number): Act =>
  async (stage) => {
    const agent = stage.start();
    for (let kills = 1; kills <= times; kills++) {
      await agent.untilSaid(joined);
      await stage.feed(20);
      await sleep(Math.random() * 2_000);
      agent.now.process.kill('SIGKILL');
      await untilExit(agent, kills);
    }
  };

/** A second and a third member come and go while the first works. */
const rebalancedFor =
  (seconds: number): Act =>
  async (stage) => {
    stage.start();
    const end = Date.now() + seconds * 1_000;
    while (Date.now() < end) {
      const guest = stage.start();
      await guest.untilSaid(joined);
      await stage.feed(60);
      await sleep(1_000 + Math.random() * 2_000);
      await guest.stop();
    }
  };

/** The broker dies under load and comes back. */
const brokerKilled =
  (seconds: number): Act =>
  async (stage) => {
    await working(stage);
    await stage.process.kill();
    await sleep(seconds * 1_000);
    await stage.process.start();
  };

/** The broker does nothing for a while, and then goes on as if nothing were. */
const brokerFrozen =
  (seconds: number): Act =>
  async (stage) => {
    await working(stage);
    await stage.process.freeze();
    await sleep(seconds * 1_000);
    await stage.process.thaw();
  };

/** The agent is asked to end under load, and started again. */
const stoppedUnderLoad: Act = async (stage) => {
  for (const records of [40, 120]) {
    const agent = stage.start();
    await stage.untilCommitted(records);
    if ((await agent.stop()) !== 0) throw new Error('a drain has to end with 0');
  }
  stage.start();
};

/** It is asked twice, which means at once. */
const stoppedTwice: Act = async (stage) => {
  const agent = stage.start();
  await stage.untilCommitted(40);
  agent.now.process.kill('SIGTERM');
  // Sent at once, two signals may be one.
  await sleep(50);
  agent.now.process.kill('SIGTERM');
  await untilExit(agent);
};

/** A reply gets lost on its way from the broker, which has done what it was asked for. */
const replyLost =
  (api: Api, how: 'broken' | 'silent'): Act =>
  async (stage) => {
    const port = Number(stage.process.brokers[0]?.split(':')[1]);
    const proxy = await startProxy(port);
    stage.finally(proxy.stop);
    const lost = proxy.loseReply(api, how);
    stage.start({}, { DETOUR: `${port}:${proxy.port}` });
    await lost;
    await proxy.loseReply(api, how);
  };

/** Another producer's transactions interleave on the input topic, and some of them are aborted. */
const abortsInterleaved: Act = async (stage) => {
  await working(stage);
  const kafka = new Kafka({ brokers: [...stage.broker.brokers], logLevel: logLevel.NOTHING });
  const producers = ['a', 'b', 'c'].map((name) =>
    kafka.producer({ transactionalId: `${stage.inputTopic}-${name}`, maxInFlightRequests: 1 }),
  );
  await Promise.all(producers.map((producer) => producer.connect()));
  for (let round = 0; round < 10; round++) {
    const transactions = await Promise.all(producers.map((producer) => producer.transaction()));
    for (const transaction of [...transactions, ...transactions.toReversed()]) {
      const value = JSON.stringify({ id: `aborted-${round}`, text: 'never to be seen' });
      const messages = [0, 1].map((partition) => ({ key: Buffer.alloc(4), value, partition }));
      await transaction.send({ topic: stage.inputTopic, messages });
      await stage.feed(2);
    }
    for (const transaction of transactions) await transaction.abort();
  }
  await Promise.all(producers.map((producer) => producer.disconnect()));
};

/** Partitions are added to the input topic while the agents work, and get posts. */
const partitionsAdded: Act = async (stage) => {
  stage.start();
  await stage.untilCommitted();
  await stage.broker.withAdmin((admin) =>
    admin.createPartitions({ topicPartitions: [{ topic: stage.inputTopic, count: 4 }] }),
  );
  await stage.feed(80);
};

/** Starts an agent and waits until it is in the middle of its work. */
async function working(stage: Stage): Promise<SupervisedAgent> {
  const agent = stage.start();
  await stage.untilCommitted(40);
  return agent;
}

export const faults: readonly Fault[] = [
  {
    name: 'kill -9 at each step of a transaction',
    exits: ['SIGKILL'],
    tries: moments.map((moment) => ({ name: moment, act: killedAt(moment) })),
  },
  {
    name: 'frozen past the session at each step, then woken',
    exits: [exitCodes.lostPlace],
    tries: moments.map((moment) => ({ name: moment, act: zombieAt(moment) })),
  },
  { name: 'members come and go for two minutes', tries: [{ name: '120 s', act: rebalancedFor(120) }] },
  {
    name: 'broker killed and started again',
    tries: [1, 20].map((seconds) => ({ name: `after ${seconds} s`, act: brokerKilled(seconds) })),
  },
  { name: 'broker frozen for 60 s', tries: [{ name: '60 s', act: brokerFrozen(60) }] },
  {
    name: 'SIGTERM under load',
    exits: [exitCodes.failed],
    tries: [
      { name: 'once, and again after a start', act: stoppedUnderLoad },
      { name: 'twice at once', act: stoppedTwice },
    ],
  },
  {
    name: 'a reply lost twice, for each request of a transaction',
    tries: (['broken', 'silent'] as const).flatMap((how) =>
      (Object.keys(apis) as Api[]).map((api) => ({ name: `${api} ${how}`, act: replyLost(api, how) })),
    ),
  },
  {
    name: 'aborted transactions interleave on the input',
    tries: [{ name: '30 aborts', act: abortsInterleaved }],
  },
  { name: 'partitions added to the input', tries: [{ name: '2 to 4', act: partitionsAdded }] },
  {
    name: 'kill -9 at random moments',
    exits: ['SIGKILL'],
    timesEach: 10,
    tries: Array.from({ length: 10 }, (_, index) => ({
      name: `${index + 1} of 10`,
      act: killedAtRandom(10),
    })),
  },
];

/** What `npm test` tries: a few of them, in a minute. */
export const someFaults: readonly Fault[] = [
  {
    name: 'kill -9 in a transaction',
    exits: ['SIGKILL'],
    tries: [{ name: 'after:commit', act: killedAt('after:commit') }],
  },
  {
    name: 'frozen past the session, then woken',
    exits: [exitCodes.lostPlace],
    tries: [{ name: 'before:commit', act: zombieAt('before:commit') }],
  },
];
