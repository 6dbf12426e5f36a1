import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { evaluate } from '../../src/evaluation/measures.js';
import { alignPredictions, parsePredictions } from '../../src/evaluation/predictions.js';
import { formatTable } from '../../src/evaluation/table.js';

interface BenchmarkPost {
  readonly id: string;
  readonly text: string;
  readonly keyphrases: readonly string[];
}

const data = process.env['TAGSTREAM_DATA'];

it('gives the published figures for the published predictions of CMKP', (context) => {
  if (data === undefined) return context.skip('TAGSTREAM_DATA does not name the folder of the benchmark');
  const read = (name: string) => readFileSync(join(data, 'tweets', name), 'utf8');
  const posts = read('test-public.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BenchmarkPost);
  const predictions = alignPredictions(
    posts.map(({ id }) => id),
    parsePredictions(read('peer-predictions-public.txt')),
  );
  const evaluation = evaluate(
    posts.map(({ text, keyphrases }, index) => ({
      text,
      gold: keyphrases,
      predicted: predictions[index]?.phrases ?? [],
    })),
  );
  expect(formatTable(evaluation)).toMatch(/^all +2686 +46\.68 +32\.65 +51\.41 /m);
});
