import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureCuda } from '../../src/commands/bench/cuda.js';
import { measuring } from '../../src/commands/bench/suite.js';
import { loadConfig } from '../../src/config/load.js';
import { tagstream } from '../support/agent-process.js';
import { describeWithKafka } from '../support/kafka.js';

// What it measures is noise here: so few posts, on a machine that does other things. The tests look at the shape alone.
const few = ['--posts', '16', '--rounds', '1'];
const patience = { timeout: 240_000 };
const spread = { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) };

const root = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-bench-'))));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function report(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await tagstream(['bench', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('tagstream bench', () => {
  it(
    'without a suite measures posts, with and without photos, with one worker and with all',
    patience,
    async () => {
      const { machine, rounds, posts, ...rest } = await report(...few);
      expect(machine).toEqual({
        cpu: expect.any(String),
        processors: expect.any(Number),
        node: process.version,
        model: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        provider: 'cpu',
        workers: expect.any(Number),
        threads: 1,
      });
      expect([rounds, rest]).toEqual([1, {}]);
      const { workers } = machine as { workers: number };
      const row = { threads: 1, posts: 16, cpuMsPerPost: spread, postsPerSecond: spread };
      expect(posts).toEqual([
        { ...row, workers: 1, photo: false },
        { ...row, workers: 1, photo: true },
        { ...row, workers, photo: false },
        { ...row, workers, photo: true },
      ]);
    },
  );

  it('ratios leaves out what needs a broker or an older version, with the reason', patience, async () => {
    const { ratios, figures, eventLoopStallMs, leftOut } = await report('ratios', ...few);
    const names = ['twoWorkersOverOne', 'pipelineOverBare', 'pipelineOverBarePhotos'];
    expect(ratios).toEqual(
      Object.fromEntries([...names, 'rssGrowth', 'latencyAtHalfLoad'].map((name) => [name, spread])),
    );
    expect(eventLoopStallMs).toEqual({ text: spread, photos: spread });
    expect(figures).toMatchObject({ postsPerSecond: spread, postsPerSecondBare: spread });
    expect(leftOut).toEqual({
      kafkaOverEmbedded: 'needs a broker: give --brokers',
      passThroughOverKafkajs: 'needs a broker: give --brokers',
      newOverOld: 'needs an older version: give --old',
      newOverOldPhotos: 'needs an older version: give --old',
    });
  });

  it('curves gives the points of each curve, and draws them', patience, async () => {
    const { curves, leftOut } = await report('curves', ...few, '--svg', join(folder, 'svg'));
    const { workers, batchSize, textLength, latency } = curves as Record<string, Record<string, unknown>[]>;
    expect(workers?.[0]).toEqual({ workers: 1, postsPerSecond: spread });
    expect(batchSize?.map((point) => point['batchSize'])).toEqual([1, 2, 4, 8, 16, 32]);
    for (const { paddingShare } of textLength ?? []) {
      expect(paddingShare).toBeGreaterThanOrEqual(0);
      expect(paddingShare).toBeLessThan(1);
    }
    expect(latency?.map(({ load }) => load)).toEqual([0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4]);
    const atLoad = { p50Ms: spread, p99Ms: spread, mostInFlight: spread, rssMiB: spread };
    expect(latency?.[0]).toEqual({ load: 0.2, ...atLoad });
    expect(leftOut).toEqual({ partitions: 'needs a broker: give --brokers' });
    const drawn = readdirSync(join(folder, 'svg'));
    expect(drawn.toSorted()).toEqual(
      ['batch-size', 'latency', 'memory', 'padding', 'text-length', 'workers'].map((name) => `${name}.svg`),
    );
    for (const name of drawn) {
      expect(readFileSync(join(folder, 'svg', name), 'utf8')).toMatch(
        /^<svg [^]*processors, Node v[^]*<\/svg>\n$/,
      );
    }
  });

  it('cuda ends with 78 where there is none, and says what to do', async () => {
    const { code, stderr } = await tagstream(['bench', 'cuda', ...few]);
    expect(code).toBe(78);
    expect(stderr).toContain('inference.provider: CUDA cannot be loaded');
  });

  it('cuda compares two providers in speed and scores, here the CPU with itself', patience, async () => {
    const configWith = measuring((forced) => loadConfig({ flags: { log: { level: 'error' }, ...forced } }));
    const bench = { rounds: 1, posts: 16, old: undefined, configWith, step: () => undefined };
    const { throughput, runMs, scores } = await measureCuda(bench, ['cpu', 'cpu'], [1, 4]);
    const both = { cuda: spread, cpu: spread };
    expect(throughput).toEqual({
      text: { ...both, cudaOverCpu: spread },
      photos: { ...both, cudaOverCpu: spread },
    });
    expect(runMs.map(({ model, posts }) => [model, posts])).toEqual(
      [1, 4].flatMap((posts) => ['text', 'image', 'decoder'].map((model) => [model, posts])),
    );
    expect(scores.posts).toBe(16);
    expect(scores.maxDifference).toBeLessThan(1e-3);
    expect(scores.postsWithOtherPhrases).toBe(0);
  });

  it.each([['--rounds', '0'], ['--posts', 'many'], ['--old', 'nowhere'], ['speed']])(
    'answers %s %s with 64',
    async (...args) => {
      expect((await tagstream(['bench', ...args])).code).toBe(64);
    },
  );
});

describeWithKafka('tagstream bench with a broker', (broker) => {
  const brokers = () => ['--brokers', broker.brokers.join()];
  /** Of this version, as nothing older is here. */
  const old = ['--old', root];

  it('ratios has all of them, and leaves no topic behind', patience, async () => {
    const topicsBefore = await broker.withAdmin((admin) => admin.listTopics());
    const { ratios, leftOut } = await report('ratios', ...few, ...brokers(), ...old);
    const names = ['twoWorkersOverOne', 'pipelineOverBare', 'pipelineOverBarePhotos', 'kafkaOverEmbedded'];
    const others = [
      'passThroughOverKafkajs',
      'newOverOld',
      'newOverOldPhotos',
      'rssGrowth',
      'latencyAtHalfLoad',
    ];
    expect(ratios).toEqual(Object.fromEntries([...names, ...others].map((name) => [name, spread])));
    expect(leftOut).toBeUndefined();
    const left = (await broker.withAdmin((admin) => admin.listTopics())).filter(
      (topic) => topic.startsWith('tagstream-bench-') && !topicsBefore.includes(topic),
    );
    expect(left).toEqual([]);
  });

  it('curves has those of partitions too', patience, async () => {
    const { curves } = await report('curves', ...few, ...brokers());
    const { partitions } = curves as {
      partitions: { partitions: number; fewestDoneAtHalf: { min: number } }[];
    };
    expect(partitions.map((point) => point.partitions)).toEqual([1, 3, 6]);
  });
});
