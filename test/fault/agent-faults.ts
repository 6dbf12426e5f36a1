import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inject } from './run-fault.js';
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
  (moment: string): Inject =>
  async (context) => {
    await untilExit(context.start(harmAt(moment, 'SIGKILL')));
  };

/** The agent is frozen until another has done its work, then goes on where it was. */
export const zombieAt =
  (moment: string): Inject =>
  async (context) => {
    const zombie = context.start(harmAt(moment, 'SIGSTOP'));
    await zombie.untilSaid('FAULT');
    const heir = context.start();
    await context.untilCommitted();
    await context.feed(40);
    zombie.now.process.kill('SIGCONT');
    // One of them is told that its place is taken, but for the zombie that had none yet.
    await Promise.race([untilExit(zombie), untilExit(heir), sleep(10_000)]);
    await Promise.all([zombie, heir].map((agent) => agent.untilSaid(joined)));
  };

/** The agent is killed again and again, wherever it happens to be: at least every second time at work. */
export const killedAtRandom =
  (times: number): Inject =>
  async (context) => {
    const agent = context.start();
    let atWork = 0;
    for (let kills = 1; kills <= times; kills++) {
      await agent.untilSaid(joined);
      await context.feed(150);
      await sleep(Math.random() * 1_000);
      agent.now.process.kill('SIGKILL');
      await untilExit(agent, kills);
      await context.expectWork().then(
        () => (atWork += 1),
        () => undefined,
      );
    }
    if (2 * atWork < times) throw new Error(`the agent was at work at ${atWork} of ${times} kills`);
  };

/** A second and a third member come and go while the first works. */
export const rebalancedFor =
  (seconds: number): Inject =>
  async (context) => {
    context.start();
    const end = Date.now() + seconds * 1_000;
    while (Date.now() < end) {
      const guest = context.start();
      await guest.untilSaid(joined);
      await context.feed(60);
      await sleep(1_000 + Math.random() * 2_000);
      await guest.stop();
    }
  };

/** The agent is asked to end under load, and started again. */
export const stoppedUnderLoad: Inject = async (context) => {
  for (const records of [40, 120]) {
    const agent = context.start();
    await context.untilCommitted(records);
    await context.expectWork();
    if ((await agent.stop()) !== 0) throw new Error('a drain has to end with 0');
  }
  context.start();
};

/** It is asked twice, which means at once. */
export const stoppedTwice: Inject = async (context) => {
  const agent = context.start();
  await context.untilCommitted(40);
  await context.expectWork();
  agent.now.process.kill('SIGTERM');
  // Sent at once, two signals may be one.
  await sleep(50);
  agent.now.process.kill('SIGTERM');
  await untilExit(agent);
};

/** A run of the model fails once, or takes its thread or its process with it. */
export const modelFails =
  (how: 'throws' | 'ends' | 'aborts'): Inject =>
  async (context) => {
    const agent = context.start({ FAULT_MODEL: `${how}:60` });
    if (how === 'throws') await agent.untilSaid('FAULT');
    else await untilExit(agent);
  };

/** A run of the model never ends; whoever watches the agent's health kills it. */
export const modelHangs: Inject = async (context) => {
  const agent = context.start({ FAULT_MODEL: 'hangs:60', TAGSTREAM_INFERENCE_TIMEOUT_MS: '3000' });
  await agent.untilSaid('FAULT');
  const health = `${/"address":"([^"]+)"/.exec(agent.now.stderr())?.[1]}/healthz`;
  while ((await fetch(health)).ok) await sleep(200);
  agent.now.process.kill('SIGKILL');
  await untilExit(agent);
};

/** Bytes of memory that an agent may take whose model falls behind: it takes in no more than it can work on. */
const mostMemory = 768 * 2 ** 20;

/**
 * The model is ten times slower than usual, and far more is to be done than an agent could hold; then another works it
 * off. The posts have a field that nobody reads, of which together come more bytes than an agent may take.
 */
export const modelSlow: Inject = async (context) => {
  const slow = context.start({}, { FAULT_MODEL: 'slow:0', TAGSTREAM_INFERENCE_WORKERS: '1' });
  const padding = 'x'.repeat(100_000);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, residentBytes(slow.now.process.pid))), 500);
  // A producer's batch of a partition may have a megabyte.
  for (let fed = 0; fed < 10_000; fed += 16)
    await context.feed(16, (value) =>
      value.startsWith('{') ? `${value.slice(0, -1)},"more":"${padding}"}` : value,
    );
  await sleep(30_000);
  clearInterval(watch);
  await context.expectWork();
  console.log(`at most ${Math.round(most / 2 ** 20)} MiB of memory`);
  if (most > mostMemory) throw new Error(`the agent took ${most} bytes of memory`);
  await slow.stop();
  context.start();
  await context.untilCommitted();
};

/** The physical memory that a process takes. */
export function residentBytes(pid: number | undefined): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1_024;
}
