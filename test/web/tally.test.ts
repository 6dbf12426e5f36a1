import { describe, expect, it } from 'vitest';
import { createTally } from '../../src/web/tally.js';
import { deadLetter, position, tagged } from './finished-posts.js';

function clock() {
  let ms = 100_500;
  return { now: () => ms, pass: (seconds: number) => void (ms += seconds * 1000) };
}

describe('a tally', () => {
  it('starts with nothing counted and no latency', () => {
    expect(createTally(clock().now).stats()).toEqual({
      uptimeSeconds: 0,
      tagged: 0,
      tombstones: 0,
      deadLettered: {},
      skipped: {},
      images: {},
      postsPerSecond: 0,
    });
  });

  it('counts each outcome once, by its reason', () => {
    const tally = createTally(clock().now);
    tally.count(tagged('a', { use: { used: true } }), 1);
    tally.count(tagged('b', { use: { used: false, reason: 'unreachable' } }), 1);
    tally.count(tagged('c'), 1);
    tally.count(deadLetter('not_json', null), 1);
    tally.count(deadLetter('not_json', null), 1);
    tally.count({ kind: 'skipped', position, reason: 'empty' }, 1);
    tally.count({ kind: 'tombstone', position, id: 'a' }, 1);
    expect(tally.stats()).toMatchObject({
      tagged: 3,
      tombstones: 1,
      deadLettered: { not_json: 2 },
      skipped: { empty: 1 },
      images: { used: 1, unreachable: 1, none: 1 },
    });
  });

  it('gives the throughput of the last ten seconds', () => {
    const { now, pass } = clock();
    const tally = createTally(now);
    for (let second = 0; second < 30; second += 1) {
      for (let i = 0; i < 4; i += 1) tally.count(tagged('a'), 1);
      pass(1);
    }
    expect(tally.stats().postsPerSecond).toBeCloseTo(4, 0);
    pass(5);
    expect(tally.stats().postsPerSecond).toBeCloseTo(16 / 9.5, 1);
    pass(20);
    expect(tally.stats().postsPerSecond).toBe(0);
  });

  it('does not exaggerate the throughput of the first moment', () => {
    const { now, pass } = clock();
    const tally = createTally(now);
    pass(0.01);
    for (let i = 0; i < 8; i += 1) tally.count(tagged('a'), 1);
    expect(tally.stats().postsPerSecond).toBe(8);
  });

  it('gives nearest-rank percentiles of the latest latencies', () => {
    const tally = createTally(clock().now);
    for (let i = 0; i < 512; i += 1) tally.count(tagged('old'), 1_000);
    for (let i = 512; i >= 1; i -= 1) tally.count(tagged('new'), i);
    expect(tally.stats().latencySeconds).toEqual({ p50: 256, p95: 487, p99: 507 });
  });

  it('forgets latencies after a minute', () => {
    const { now, pass } = clock();
    const tally = createTally(now);
    tally.count(tagged('a'), 9);
    pass(30);
    tally.count(tagged('b'), 1);
    expect(tally.stats().latencySeconds?.p99).toBe(9);
    pass(31);
    expect(tally.stats().latencySeconds?.p99).toBe(1);
    pass(60);
    expect(tally.stats().latencySeconds).toBeUndefined();
  });

  it('gives counts that do not change afterwards', () => {
    const tally = createTally(clock().now);
    const before = tally.stats();
    tally.count(deadLetter('not_json', null), 1);
    expect(before.deadLettered).toEqual({});
  });
});
