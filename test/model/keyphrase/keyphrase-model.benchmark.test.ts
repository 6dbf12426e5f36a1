import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readBundle } from '../../../src/model/bundle.js';
import { createKeyphraseModel } from '../../../src/model/keyphrase/keyphrase-model.js';
import type { ScoredPhrase } from '../../../src/domain/keyphrase.js';
import { openSession } from '../../../src/onnx/session.js';
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

/** How far the scores of the reference's phrases lie from those that were found. */
function distances(
  expected: readonly (readonly { phrase: string; score: number }[])[],
  predicted: readonly { readonly phrases: readonly ScoredPhrase[] }[],
): readonly number[] {
  return expected.flatMap((keyphrases, post) =>
    keyphrases.map(({ phrase, score }) => {
      const own = predicted[post]!.phrases.find((one) => one.phrase === phrase)?.score ?? 0;
      return Math.abs(own - score);
    }),
  );
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

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

    const bundle = readBundle(fileURLToPath(new URL('../../../models/bundle', import.meta.url)));
    const { text, knn, decoder, ranker, fusion } = bundle.manifest;
    const open = (file: string) => openSession(bundle.path(file), { provider: 'cpu', threads: 1 });
    const others = {
      search: await open(knn.search),
      decoder: await open(decoder.model),
      ranker: await open(ranker.model),
      fusion: await open(fusion.model),
    };
    const inputs = posts.map(({ ocr, ...words }) => ({ ...words, imageText: ocr }));
    const predict = async (file: string) =>
      createKeyphraseModel(
        bundle,
        { ...others, text: await open(file) },
        { encoder: 4, decoder: 8 },
        [],
      )(inputs, 30);

    // The reference computes in float32: with the same graph only a feature on a threshold of the trees makes a difference.
    const exact = distances(expected, await predict(text.floatModel));
    expect(Math.max(...exact)).toBeLessThan(0.05);
    expect(mean(exact)).toBeLessThan(1e-3);
    // The products of integers differ by a step of their activations, on each processor by another one.
    const served = await predict(text.model);
    expect(mean(distances(expected, served))).toBeLessThan(0.02);
    const same = expected.filter(([best], post) => best?.phrase === served[post]!.phrases[0]?.phrase);
    expect(same.length).toBeGreaterThan(0.9 * count);
  },
);
