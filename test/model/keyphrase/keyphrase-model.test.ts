import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wordParts } from '../../../src/domain/keyphrase.js';
import { chooseCandidates, type Candidate } from '../../../src/model/keyphrase/candidates.js';
import { buildCandidateContext } from '../../../src/model/keyphrase/candidate-context.js';
import { featureNames, featuresOf } from '../../../src/model/keyphrase/features.js';
import { createKeyphraseModel, type Models } from '../../../src/model/keyphrase/keyphrase-model.js';
import { readLabelStore, readKnnVectors } from '../../../src/model/keyphrase/label-store.js';
import { readBundle } from '../../../src/model/bundle.js';
import { stemText } from '../../../src/model/keyphrase/gazetteer.js';
import {
  createCandidateGenerator,
  type CandidateSources,
} from '../../../src/model/keyphrase/candidate-generation.js';
import type { ModelInput } from '../../../src/model/input.js';
import { openSession } from '../../../src/onnx/session.js';
import { createTokenizer } from '../../../src/model/keyphrase/tokenizer.js';

/** What `models/training/reference.py` makes of a post with the shipped bundle. */
interface Reference {
  readonly post: Readonly<{ text: string; entities: string[]; attributes: string[]; ocr: string }>;
  readonly tokens: readonly number[];
  readonly stems: string;
  readonly beams: readonly (readonly [phrase: string, logProbability: number])[];
  readonly candidates: readonly string[];
  readonly features: readonly (readonly number[])[];
  readonly keyphrases: readonly { readonly phrase: string; readonly score: number }[];
}

const bundle = readBundle(fileURLToPath(new URL('../../../models/bundle', import.meta.url)));
const references = readFileSync(
  new URL('../../../models/training/tests/fixtures/reference.jsonl', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Reference);
const posts = references.map(({ post: { ocr, ...words } }): ModelInput => ({ ...words, imageText: ocr }));
const settings = bundle.manifest.ranker;

let models: Models;
beforeAll(async () => {
  const open = (file: string) => openSession(bundle.path(file), 'cpu', 1);
  models = {
    text: await open(bundle.manifest.text.model),
    search: await open(bundle.manifest.memory.search),
    decoder: await open(bundle.manifest.decoder.model),
    ranker: await open(settings.model),
    fusion: await open(bundle.manifest.fusion.model),
  };
});
afterAll(() => Promise.all(Object.values(models).map((model) => model.close())));

describe('the keyphrase model and the reference in Python', () => {
  const knowledge = readLabelStore(bundle, []);
  let proposals: CandidateSources[];
  let candidates: (readonly Candidate[])[];
  beforeAll(async () => {
    const propose = createCandidateGenerator(
      bundle,
      models,
      knowledge,
      readKnnVectors(bundle, knowledge),
      [],
    );
    proposals = [];
    // One by one, as the reference does it.
    for (const post of posts) proposals.push(...(await propose([post])));
    candidates = proposals.map((proposal) =>
      chooseCandidates(buildCandidateContext(knowledge, settings, proposal), knowledge, settings.classified),
    );
  });

  it('cut a post into the same tokens', () => {
    const tokenizer = createTokenizer(bundle);
    expect(posts.map((post) => tokenizer.tokenize(post).ids)).toEqual(references.map(({ tokens }) => tokens));
  });

  it('stem its words alike', () => {
    expect(
      posts.map(({ text }) =>
        stemText(text)
          .stems.filter((stem) => stem !== '')
          .join(' '),
      ),
    ).toEqual(references.map(({ stems }) => stems));
  });

  it('generate the same phrases', () => {
    proposals.forEach(({ generated }, post) => {
      const { beams } = references[post]!;
      expect(generated.map(({ phrase }) => phrase)).toEqual(beams.map(([phrase]) => phrase));
      generated.forEach(({ logProbability }, rank) => expect(logProbability).toBeCloseTo(beams[rank]![1], 3));
    });
  });

  it('choose the same candidates', () => {
    candidates.forEach((chosen, post) =>
      expect(chosen.map(({ phrase }) => phrase)).toEqual(references[post]!.candidates),
    );
  });

  it('compute the same features', () => {
    proposals.forEach((proposal, post) => {
      const evidence = buildCandidateContext(knowledge, settings, proposal);
      const features = featuresOf(candidates[post]!, evidence, knowledge);
      references[post]!.features.forEach((row, candidate) =>
        row.forEach((expected, feature) => {
          const found = features[candidate * featureNames.length + feature]!;
          const what = `${featureNames[feature]} of "${candidates[post]![candidate]!.phrase}"`;
          expect(Math.abs(found - expected), what).toBeLessThan(1e-3);
        }),
      );
    });
  });

  it('find the same keyphrases with the same probabilities', async () => {
    const predict = createKeyphraseModel(bundle, models, []);
    for (const [post, input] of posts.entries()) {
      const [found] = await predict([input], 5);
      const { keyphrases } = references[post]!;
      expect(found!.phrases.map(({ phrase }) => phrase)).toEqual(keyphrases.map(({ phrase }) => phrase));
      found!.phrases.forEach(({ score }, rank) => expect(score).toBeCloseTo(keyphrases[rank]!.score, 3));
    }
  });
});

describe('the keyphrase model', () => {
  it('gives a post the same keyphrases whatever its batch-mates are, within 1e-4 in score', async () => {
    const predict = createKeyphraseModel(bundle, models, []);
    const together = await predict(posts, 5);
    for (const [post, input] of posts.entries()) {
      const [alone] = await predict([input], 5);
      const { phrases } = together[post]!;
      expect(phrases.map(({ phrase }) => phrase)).toEqual(alone!.phrases.map(({ phrase }) => phrase));
      phrases.forEach(({ score }, rank) => {
        expect(Math.abs(score - alone!.phrases[rank]!.score)).toBeLessThan(1e-4);
      });
    }
  });

  it('gives a post without words the same keyphrases whatever its batch-mates are', async () => {
    const predict = createKeyphraseModel(bundle, models, []);
    const wordless: ModelInput = { text: '', entities: [], attributes: [], imageText: '' };
    const [alone] = await predict([wordless], 5);
    const [among] = await predict([wordless, ...posts], 5);
    expect(among!.phrases.map(({ phrase }) => phrase)).toEqual(alone!.phrases.map(({ phrase }) => phrase));
    among!.phrases.forEach(({ score }, rank) => {
      expect(Math.abs(score - alone!.phrases[rank]!.score)).toBeLessThan(1e-4);
    });
  });

  it('says of every keyphrase how it was found', async () => {
    const predicted = await createKeyphraseModel(bundle, models, [])(posts, 5);
    const found = predicted.flatMap(({ phrases }) => phrases);
    expect(found.filter(({ origin }) => origin.length === 0)).toEqual([]);
    expect(new Set(found.flatMap(({ origin }) => origin)).size).toBe(4);
  });

  it.each(wordParts)('finds other keyphrases without its part "%s"', async (part) => {
    const whole = await createKeyphraseModel(bundle, models, [])(posts, 5);
    const without = await createKeyphraseModel(bundle, models, [part])(posts, 5);
    expect(without).not.toEqual(whole);
  });

  it('proposes nothing of its own without any of its parts', async () => {
    const found = await createKeyphraseModel(bundle, models, wordParts)(posts, 5);
    expect(found).toEqual(posts.map(() => ({ phrases: [] })));
  });
});
