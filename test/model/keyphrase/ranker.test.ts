import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureNames } from '../../../src/model/keyphrase/features.js';
import { readBundle } from '../../../src/model/bundle.js';
import { createRanker } from '../../../src/model/keyphrase/ranker.js';
import { openSession, type Session } from '../../../src/onnx/session.js';

const bundle = readBundle(fileURLToPath(new URL('../../../models/bundle', import.meta.url)));

describe('the ranker', () => {
  let model: Session;
  beforeAll(
    async () =>
      (model = await openSession(bundle.path(bundle.manifest.ranker.model), { provider: 'cpu', threads: 1 })),
  );
  afterAll(() => model.close());

  const rows = (values: readonly number[]) =>
    Float32Array.from(values.flatMap((value) => featureNames.map((_, at) => value + at / 100)));

  it('gives each post the probabilities of its own candidates', async () => {
    const rank = createRanker(bundle, model);
    const [one, none, two] = await rank([rows([0.5]), rows([]), rows([-1, 3])]);
    expect([one, none, two].map((post) => post?.length)).toEqual([1, 0, 2]);
    expect([...one!, ...two!].every((probability) => probability > 0 && probability < 1)).toBe(true);
    expect(await rank([rows([-1, 3])])).toEqual([two]);
    expect(await rank([rows([0.5])])).toEqual([one]);
  });

  it('has nothing to say of posts without candidates', async () => {
    expect(await createRanker(bundle, model)([rows([]), rows([])])).toEqual([[], []]);
  });

  it('is refused where it was trained on other features, naming them', () => {
    const { manifest } = bundle;
    const ranker = { ...manifest.ranker, features: ['moon_phase', ...featureNames.slice(1)] };
    expect(() => createRanker({ ...bundle, manifest: { ...manifest, ranker } }, model)).toThrow('moon_phase');
  });
});
