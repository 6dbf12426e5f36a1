import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { readBundle, verifyBundle } from '../src/model/bundle.js';
import { startPredictor } from '../src/serving/predictor.js';
import { createEvents } from '../src/telemetry/events.js';
import { createLogger } from '../src/telemetry/logger.js';
import { createMetrics } from '../src/telemetry/metrics.js';
import { findTrainingPython, trainingFolder } from './support/training-python.js';

const found = findTrainingPython();
const required = process.env['REQUIRE_TRAINING'] === '1';

describe('The training', () => {
  let bundle: string;
  beforeAll(async () => {
    bundle = await mkdtemp(join(tmpdir(), 'tagstream-smoke-'));
  });
  afterAll(() => rm(bundle, { recursive: true, force: true }));

  it(
    'passes its own tests and, from tiny synthetic data, makes a bundle that the agent loads',
    { timeout: 600_000 },
    async (context: TestContext) => {
      if ('reason' in found) {
        if (required) expect.fail(`REQUIRE_TRAINING=1, but ${found.reason}`);
        return context.skip(found.reason);
      }
      await promisify(execFile)(found.python, ['-m', 'unittest', 'discover', '-s', 'tests'], {
        cwd: trainingFolder,
        env: { ...process.env, TAGSTREAM_SMOKE_BUNDLE: bundle },
      });

      const read = readBundle(bundle);
      await verifyBundle(read);
      const options = {
        bundle,
        provider: 'cpu',
        threads: 1,
        without: [],
        readText: false,
        workersOn: () => 1,
        maxSize: 4,
        maxTokens: 4_096,
        maxWaitMs: 1,
        maxPhrases: 3,
      } as const;
      const predictor = await startPredictor(options, createEvents(createLogger('silent'), createMetrics()));
      const words = { text: 'so thunder and lightning now', entities: [], attributes: [], imageText: '' };
      const { phrases } = await predictor.predict(words);
      await predictor.close();
      expect(phrases[0]?.phrase).toBe('storm hour');
    },
  );
});
