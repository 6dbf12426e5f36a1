import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wordParts, type ModelPart } from '../../../src/domain/keyphrase.js';
import { readBundle, type ModelBundle } from '../../../src/model/bundle.js';
import type { ModelInput } from '../../../src/model/input.js';
import { buildCandidateContext } from '../../../src/model/keyphrase/candidate-context.js';
import {
  createCandidateGenerator,
  type CandidateSources,
} from '../../../src/model/keyphrase/candidate-generation.js';
import { chooseCandidates, type Candidate } from '../../../src/model/keyphrase/candidates.js';
import { createEncoder, type Encoding } from '../../../src/model/keyphrase/encoder.js';
import { featureNames, featuresOf } from '../../../src/model/keyphrase/features.js';
import { stemText } from '../../../src/model/keyphrase/stemming.js';
import {
  createKeyphraseModel,
  type KeyphraseModel,
  type KeyphraseSessions,
} from '../../../src/model/keyphrase/keyphrase-model.js';
import { createKnnIndex } from '../../../src/model/keyphrase/knn-index.js';
import { readKnnVectors, readLabelStore } from '../../../src/model/keyphrase/label-store.js';
import { createPointerGenerator } from '../../../src/model/keyphrase/pointer-generator.js';
import { createTokenizer } from '../../../src/model/keyphrase/tokenizer.js';
import { openSession, type Session } from '../../../src/onnx/session.js';
import { createVectorSearch } from '../../../src/onnx/vector-search.js';

/**
 * What `models/training/reference.py` makes of a post with the shipped bundle, in float32. Products of float32 differ
 * between processors in their last bits alone; those of integers, which serve on the CPU, by a step of their activations.
 * So what the agent computes is compared with the reference over the float graph, closely, and the integer graph with the
 * float graph, within bounds that hold for the kernels of every processor.
 */
interface Reference {
  readonly post: Readonly<{ text: string; entities: string[]; attributes: string[]; ocr: string }>;
  readonly tokens: readonly number[];
  readonly stems: string;
  readonly beams: readonly (readonly [phrase: string, logProbability: number])[];
  readonly candidates: readonly string[];
  readonly features: readonly (readonly number[])[];
  readonly keyphrases: readonly { readonly phrase: string; readonly score: number }[];
}

const shipped = readBundle(fileURLToPath(new URL('../../../models/bundle', import.meta.url)));
/** The same, with the generator running for every post. */
const bundle: ModelBundle = {
  ...shipped,
  manifest: { ...shipped.manifest, decoder: { ...shipped.manifest.decoder, unsureBelow: 1 } },
};
const references = readFileSync(
  new URL('../../../models/training/tests/fixtures/reference.jsonl', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Reference);
const posts = references.map(({ post: { ocr, ...words } }): ModelInput => ({ ...words, imageText: ocr }));
const settings = bundle.manifest.ranker;
const tokenizer = createTokenizer(bundle);
const buckets = { encoder: 4, decoder: 8 } as const;

let models: KeyphraseSessions;
let floatText: Session;
beforeAll(async () => {
  const open = (file: string) => openSession(bundle.path(file), { provider: 'cpu', threads: 1 });
  const { text, knn, decoder, fusion } = bundle.manifest;
  floatText = await open(text.floatModel);
  models = {
    text: await open(text.model),
    search: await open(knn.search),
    decoder: await open(decoder.model),
    ranker: await open(settings.model),
    fusion: await open(fusion.model),
  };
});
afterAll(() => Promise.all([floatText, ...Object.values(models)].map((model) => model.close())));

const modelOf = (own: ModelBundle, without: readonly ModelPart[] = [], text = models.text): KeyphraseModel =>
  createKeyphraseModel(own, { ...models, text }, buckets, without);

describe('the text model over its float graph and the reference in Python', () => {
  const labelStore = readLabelStore(bundle, []);
  let sources: readonly CandidateSources[];
  let candidates: (readonly Candidate[])[];
  beforeAll(async () => {
    const search = createVectorSearch(models.search);
    const index = createKnnIndex(search, readKnnVectors(bundle, labelStore));
    const generate = createPointerGenerator(bundle, models.decoder, tokenizer, labelStore.labels, 8);
    const findSources = createCandidateGenerator(
      bundle.manifest,
      { labelStore, search, index, generate },
      [],
    );
    sources = await findSources(posts, await createEncoder(tokenizer, floatText, 4)(posts));
    candidates = sources.map((ofPost) =>
      chooseCandidates(buildCandidateContext(labelStore, settings, ofPost), labelStore, settings.classified),
    );
  });

  it('cut a post into the same tokens', () => {
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

  it('generate the same phrases with the same probabilities', () => {
    sources.forEach(({ generated }, post) => {
      const found = new Map(generated.map(({ phrase, logProbability }) => [phrase, logProbability]));
      expect([...found.keys()].sort()).toEqual(references[post]!.beams.map(([phrase]) => phrase).sort());
      for (const [phrase, logProbability] of references[post]!.beams) {
        expect(found.get(phrase), phrase).toBeCloseTo(logProbability, 3);
      }
    });
  });

  it('choose the same candidates', () => {
    candidates.forEach((chosen, post) =>
      expect(chosen.map(({ phrase }) => phrase).sort()).toEqual([...references[post]!.candidates].sort()),
    );
  });

  it('compute the same features', () => {
    sources.forEach((ofPost, post) => {
      const context = buildCandidateContext(labelStore, settings, ofPost);
      const features = featuresOf(candidates[post]!, context, labelStore);
      references[post]!.features.forEach((row, reference) => {
        const phrase = references[post]!.candidates[reference]!;
        const candidate = candidates[post]!.findIndex((one) => one.phrase === phrase);
        row.forEach((expected, feature) => {
          const found = features[candidate * featureNames.length + feature]!;
          expect(Math.abs(found - expected), `${featureNames[feature]} of "${phrase}"`).toBeLessThan(1e-3);
        });
      });
    });
  });

  it('find the same keyphrases with the same probabilities', async () => {
    const predicted = await modelOf(bundle, [], floatText)(posts, 20);
    predicted.forEach(({ phrases }, post) => {
      for (const { phrase, score } of references[post]!.keyphrases) {
        // A feature that lies on a threshold of the ranker's trees may fall to either side of it.
        const found = phrases.find((one) => one.phrase === phrase)?.score ?? 0;
        expect(Math.abs(found - score), `${phrase} of "${posts[post]!.text}"`).toBeLessThan(0.02);
      }
    });
  });
});

describe('the products of integers and those of float32', () => {
  let integers: readonly Encoding[];
  let floats: readonly Encoding[];
  beforeAll(async () => {
    integers = await createEncoder(tokenizer, models.text, 4)(posts);
    floats = await createEncoder(tokenizer, floatText, 4)(posts);
  });

  it('give vectors that point the same way', () => {
    integers.forEach(({ vector }, post) => {
      const cosine = vector.reduce((sum, value, at) => sum + value * floats[post]!.vector[at]!, 0);
      expect(cosine).toBeGreaterThan(0.99);
    });
  });

  it('give labels nearly the same probabilities', () => {
    integers.forEach(({ logProbabilities }, post) => {
      const apart = logProbabilities.reduce(
        (sum, value, label) =>
          sum + Math.abs(Math.exp(value) - Math.exp(floats[post]!.logProbabilities[label]!)),
        0,
      );
      // Half the sum is the distance of the two distributions, from 0 to 1.
      expect(apart / 2).toBeLessThan(0.1);
    });
  });

  it('give posts nearly the same scores, within the tolerance by which a model is checked when it is opened', async () => {
    const exact = await modelOf(bundle, [], floatText)(posts, 20);
    const served = await modelOf(bundle)(posts, 20);
    served.forEach(({ phrases }, post) => {
      for (const { phrase, score } of exact[post]!.phrases.slice(0, 3)) {
        const found = phrases.find((one) => one.phrase === phrase)?.score ?? 0;
        expect(Math.abs(found - score), phrase).toBeLessThan(bundle.manifest.golden.tolerance);
      }
    });
  });
});

describe('the keyphrase model', () => {
  it('gives a post the same keyphrases whatever its batch-mates are, within 1e-4 in score', async () => {
    const predict = modelOf(bundle);
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
    const predict = modelOf(bundle);
    const wordless: ModelInput = { text: '', entities: [], attributes: [], imageText: '' };
    const [alone] = await predict([wordless], 5);
    const [among] = await predict([wordless, ...posts], 5);
    expect(among!.phrases.map(({ phrase }) => phrase)).toEqual(alone!.phrases.map(({ phrase }) => phrase));
    among!.phrases.forEach(({ score }, rank) => {
      expect(Math.abs(score - alone!.phrases[rank]!.score)).toBeLessThan(1e-4);
    });
  });

  it('runs the generator only for posts whose likeliest label is unlikely', async () => {
    let runs = 0;
    const decoder: Session = {
      ...models.decoder,
      run(inputs, outputs) {
        runs += 1;
        return models.decoder.run(inputs, outputs);
      },
    };
    const runsFor = async (unsureBelow: number): Promise<number> => {
      runs = 0;
      const own = {
        ...bundle,
        manifest: { ...bundle.manifest, decoder: { ...bundle.manifest.decoder, unsureBelow } },
      };
      await createKeyphraseModel(own, { ...models, decoder }, buckets, [])(posts, 5);
      return runs;
    };
    const [never, sometimes, always] = [await runsFor(0), await runsFor(0.1), await runsFor(1)];
    expect(never).toBe(0);
    expect(sometimes).toBeGreaterThan(0);
    expect(always).toBeGreaterThan(sometimes);
  });

  it('says of every keyphrase how it was found', async () => {
    const found = (await modelOf(bundle)(posts, 5)).flatMap(({ phrases }) => phrases);
    expect(found.filter(({ origin }) => origin.length === 0)).toEqual([]);
    expect(new Set(found.flatMap(({ origin }) => origin)).size).toBe(4);
  });

  it.each(wordParts)('finds other keyphrases without its part "%s"', async (part) => {
    const whole = await modelOf(bundle)(posts, 5);
    const without = await modelOf(bundle, [part])(posts, 5);
    expect(without).not.toEqual(whole);
  });

  it('proposes nothing of its own without any of its parts', async () => {
    const found = await modelOf(bundle, wordParts)(posts, 5);
    expect(found).toEqual(posts.map(() => ({ phrases: [] })));
  });
});
