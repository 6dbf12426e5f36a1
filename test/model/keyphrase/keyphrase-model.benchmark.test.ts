import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startPredictor } from '../../../src/serving/predictor.js';
import { createEvents } from '../../../src/telemetry/events.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { findTrainingPython, trainingFolder } from '../../support/training-python.js';

const data = process.env['TAGSTREAM_DATA'];
const found = findTrainingPython();
const count = 200;

interface Words {
  readonly text: string;
  readonly entities: readonly string[];
  readonly attributes: readonly string[];
  readonly ocr: string;
}

it(
  `the agent and the reference in Python find the same keyphrases of ${count} posts of the benchmark`,
  { timeout: 300_000 },
  async (context) => {
    if (data === undefined) return context.skip('TAGSTREAM_DATA does not name the folder of the benchmark');
    if ('reason' in found) return context.skip(found.reason);
    const posts = readFileSync(join(data, 'tweets/train.jsonl'), 'utf8')
      .split('\n', count)
      .map((line) => JSON.parse(line) as Words)
      .map(({ text, entities, attributes, ocr }) => ({ text, entities, attributes, ocr }));
    const printed = execFileSync(found.python, [join(trainingFolder, 'reference.py')], {
      input: posts.map((post) => JSON.stringify(post)).join('\n'),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const expected = printed
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { keyphrases: { phrase: string; score: number }[] }).keyphrases);

    const options = {
      bundle: fileURLToPath(new URL('../../../models/bundle', import.meta.url)),
      provider: 'cpu',
      threads: 1,
      without: [],
      readText: false,
      workersOn: () => 1,
      maxSize: 16,
      maxTokens: 4_096,
      maxWaitMs: 5,
      maxPhrases: 5,
    } as const;
    const predictor = await startPredictor(options, createEvents(createLogger('silent'), createMetrics()));
    const predicted = await Promise.all(
      posts.map(({ ocr, ...words }) => predictor.predict({ ...words, imageText: ocr })),
    );
    await predictor.close();

    predicted.forEach(({ phrases }, post) => {
      expect(phrases.map(({ phrase }) => phrase)).toEqual(expected[post]?.map(({ phrase }) => phrase));
      phrases.forEach(({ score }, rank) =>
        expect(Math.abs(score - (expected[post]?.[rank]?.score ?? NaN))).toBeLessThan(1e-4),
      );
    });
  },
);
