import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo } from '../support/broker.js';
import { startJavaBroker } from '../support/kafka-broker.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { residentBytes } from './agent-faults.js';
import { flawless } from './flawless.js';
import { plot, type Curve } from './plot.js';
import { openScene } from './scene.js';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 30);
const file = fileURLToPath(new URL('../../docs/soak.svg', import.meta.url));

/** How much more memory the last fifth of the time may take than the second. */
const mostGrowth = 1.15;

/** Posts that are tagged as fast as can be, to know what half of that is. */
const burst = 3_000;

test('Nothing is lost, and memory does not grow', { timeout: (minutes + 15) * 60_000 }, async () => {
  const tools = await findJavaTools();
  const process = await startJavaBroker(tools);
  onTestFinished(() => process.stop());
  const scene = await openScene(connectTo(process.brokers, tools), 4);
  onTestFinished(async () => {
    await Promise.all(scene.agents.map((agent) => agent.stop()));
  });
  const steady = scene.start();
  await steady.untilSaid('partitions assigned');
  const began = performance.now();
  await scene.feed(burst);
  await scene.untilCommitted();
  const rate = Math.floor(burst / ((performance.now() - began) / 1_000) / 2);
  const victim = scene.start();

  let posts = 0;
  let feeding: Promise<void> = Promise.resolve();
  const state = { paused: false, harming: false };
  const faults = {
    async 'kill -9'() {
      victim.now.process.kill('SIGKILL');
      await sleep(1_000);
    },
    async 'a member came and went'() {
      const guest = scene.start();
      await guest.untilSaid('partitions assigned');
      await sleep(5_000 + Math.random() * 10_000);
      await guest.stop();
    },
    async 'the broker was killed'() {
      // Whoever feeds can't know what of it a dying broker took.
      state.paused = true;
      await feeding;
      await process.kill();
      await sleep(1_000 + Math.random() * 10_000);
      await process.start();
      state.paused = false;
    },
  };
  const memory: Curve = [];
  const tried: { minute: number; name: string }[] = [];
  const start = performance.now();
  const minute = (): number => (performance.now() - start) / 60_000;
  let nextFault = 1;
  let harming: Promise<void> = Promise.resolve();
  for (let second = 0; minute() < minutes; second++) {
    if (!state.paused) {
      feeding = scene.feed(rate);
      posts += rate;
      await feeding;
    }
    memory.push([minute(), residentBytes(steady.now.process.pid) / 2 ** 20]);
    if (!state.harming && minute() > nextFault && minute() < minutes - 1) {
      // Each kind in its turn, at moments that are random.
      const names = Object.keys(faults) as (keyof typeof faults)[];
      const name = names[tried.length % names.length]!;
      tried.push({ minute: minute(), name });
      state.harming = true;
      harming = faults[name]().finally(() => {
        state.harming = false;
        nextFault = minute() + 0.5 + Math.random();
      });
    }
    await sleep(Math.max(0, start + (second + 1) * 1_000 - performance.now()));
  }
  await harming;
  const since = performance.now();
  await scene.untilCommitted();
  const seconds = (performance.now() - since) / 1_000;
  const ends = await Promise.all([steady, victim].map((agent) => agent.stop()));
  const verdict = await scene.verdict();

  const outcome =
    `${minutes} minutes, ${posts} records at ${rate} a second (half of capacity), ${tried.length} faults; lost ` +
    `${verdict.lost.length}, doubled ${verdict.doubled.length}, other phrases or order ` +
    `${verdict.different.length + verdict.outOfOrder.length}; done ${seconds.toFixed(1)} s after the last`;
  console.log(outcome, JSON.stringify({ exits: steady.exits, killed: victim.exits.length }));
  if (minutes >= 30) writeFileSync(file, plot(outcome, memory, tried));
  expect(verdict).toEqual(flawless);
  expect(ends).toEqual([0, 0]);
  expect(new Set(tried.map(({ name }) => name))).toEqual(new Set(Object.keys(faults)));
  expect(steady.exits).toEqual([]);
  expect(medianOf(memory, 0.8, 1)).toBeLessThan(mostGrowth * medianOf(memory, 0.2, 0.4));
});

/** The median of the memory over a part of the time. */
function medianOf(memory: Curve, from: number, to: number): number {
  const part = memory.slice(from * memory.length, to * memory.length).map(([, mebibytes]) => mebibytes);
  return part.toSorted((a, b) => a - b)[Math.floor(part.length / 2)] ?? NaN;
}
