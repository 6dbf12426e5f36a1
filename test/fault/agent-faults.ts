import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Act } from './performance.js';
import type { SupervisedAgent } from './scene.js';

/** The moments of a transaction that `hooks.mjs` knows; the first claims the partition. */
export const moments = ['claim', 'sendOffsets', 'sendBatch', 'commit'].flatMap((step) =>
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
export const killedAt =
  (moment: string): Act =>
  async (stage) => {
    await untilExit(stage.start(harmAt(moment, 'SIGKILL')));
  };

/** The agent is frozen until another has done its work, then goes on where it was. */
export const zombieAt =
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
export const killedAtRandom =
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
export const rebalancedFor =
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

/** The agent is asked to end under load, and started again. */
export const stoppedUnderLoad: Act = async (stage) => {
  for (const records of [40, 120]) {
    const agent = stage.start();
    await stage.untilCommitted(records);
    if ((await agent.stop()) !== 0) throw new Error('a drain has to end with 0');
  }
  stage.start();
};

/** It is asked twice, which means at once. */
export const stoppedTwice: Act = async (stage) => {
  const agent = stage.start();
  await stage.untilCommitted(40);
  agent.now.process.kill('SIGTERM');
  // Sent at once, two signals may be one.
  await sleep(50);
  agent.now.process.kill('SIGTERM');
  await untilExit(agent);
};

/** A run of the model fails once, or takes its thread or its process with it. */
export const modelFails =
  (how: 'throws' | 'ends' | 'aborts'): Act =>
  async (stage) => {
    const agent = stage.start({ FAULT_MODEL: `${how}:40` });
    if (how === 'throws') await agent.untilSaid('FAULT');
    else await untilExit(agent);
  };

/** A run of the model never ends; whoever watches the agent's health kills it. */
export const modelHangs: Act = async (stage) => {
  const agent = stage.start({ FAULT_MODEL: 'hangs:40', TAGSTREAM_INFERENCE_TIMEOUT_MS: '3000' });
  await agent.untilSaid('FAULT');
  const health = `${/"address":"([^"]+)"/.exec(agent.now.stderr())?.[1]}/healthz`;
  while ((await fetch(health)).ok) await sleep(200);
  agent.now.process.kill('SIGKILL');
  await untilExit(agent);
};

/** Bytes of memory that an agent may take whose model falls behind: it takes in no more than it can work on. */
const mostMemory = 768 * 2 ** 20;

/** The model is ten times slower than usual, with far more to do than it can; then another works off what has piled up. */
export const modelSlow: Act = async (stage) => {
  const slow = stage.start({}, { FAULT_MODEL: 'slow:0' });
  await stage.feed(3_000);
  let most = 0;
  for (let second = 0; second < 60; second++) {
    await sleep(1_000);
    most = Math.max(most, residentBytes(slow.now.process.pid));
  }
  console.log(`at most ${Math.round(most / 2 ** 20)} MiB of memory`);
  if (most > mostMemory) throw new Error(`the agent took ${most} bytes of memory`);
  await slow.stop();
  stage.start();
  await stage.untilCommitted();
};

/** The physical memory that a process takes. */
export function residentBytes(pid: number | undefined): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1_024;
}
