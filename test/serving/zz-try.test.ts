import { it } from 'vitest';
import { simulate } from './simulation.js';
it('tries', async () => {
  for (const workers of [1, 2, 8]) for (const load of [0.02, 0.2, 0.5, 0.7, 0.9, 1.1, 1.5, 3]) for (const policy of ['adaptive', 'fixed'] as const) {
    const serviceMs = (n: number) => 4 + n;
    const limits = { maxSize: 16, maxCost: Infinity, maxWaitMs: 10 };
    const arrivalsPerSecond = load * workers * 16 / serviceMs(16) * 1000;
    const t = performance.now();
    const r = await simulate({ policy, workers, arrivalsPerSecond, serviceMs, limits, seed: 1, seconds: 10 });
    console.log(workers, load, policy, arrivalsPerSecond.toFixed(0), r.latencyMs.p50.toFixed(1), r.latencyMs.p99.toFixed(1), r.throughput.toFixed(0), r.meanBatchSize.toFixed(2), r.longestWaitWithRoomMs.toFixed(3), r.longestWaitWhileIdleMs, (performance.now()-t).toFixed(0)+'ms');
  }
}, 600000);
