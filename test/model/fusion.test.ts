import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boxWithin, type Box, type DecodedImage } from '../../src/domain/image.js';
import type { ModelPart } from '../../src/domain/keyphrase.js';
import { createFusion } from '../../src/model/fusion.js';
import { createImageModel, type ImageModel } from '../../src/model/image/image-model.js';
import { createEncoder } from '../../src/model/keyphrase/encoder.js';
import { createTokenizer } from '../../src/model/keyphrase/tokenizer.js';
import { createVectorSearch } from '../../src/onnx/vector-search.js';
import { createKeyphraseModel, type KeyphraseSessions } from '../../src/model/keyphrase/keyphrase-model.js';
import { readBundle } from '../../src/model/bundle.js';
import type { ModelInput, PhotoInput, Prediction } from '../../src/model/input.js';
import { openSession, type Session } from '../../src/onnx/session.js';
import { createImageDecoder } from '../../src/images/decode-image.js';

/** What `models/training/reference_photos.py` makes of a text and a photo with the shipped bundle. */
interface Reference {
  readonly text: string;
  readonly photo: string;
  /** One pixel in 32 each way, from the 17th on. */
  readonly pixels: readonly (readonly (readonly number[])[])[];
  readonly entities: readonly { readonly label: string; readonly score: number; readonly box: Box }[];
  readonly match: number;
  readonly weights: readonly number[];
  readonly shown: readonly { readonly word: string; readonly score: number }[];
}

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const bundle = readBundle(at('models/bundle'));
const { manifest } = bundle;
const references = readFileSync(at('models/training/tests/fixtures/photos.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Reference);

let models: KeyphraseSessions & { readonly image: Session };
let images: DecodedImage[];
let encodings: Awaited<ReturnType<ImageModel>>;
beforeAll(async () => {
  const open = (file: string) => openSession(bundle.path(file), { provider: 'cpu', threads: 1 });
  models = {
    text: await open(manifest.text.model),
    search: await open(manifest.knn.search),
    decoder: await open(manifest.decoder.model),
    ranker: await open(manifest.ranker.model),
    image: await open(manifest.image.model),
    fusion: await open(manifest.fusion.model),
  };
  const decoder = createImageDecoder({ ...manifest.image, maxPixels: 1e8 });
  images = [];
  for (const { photo } of references) {
    const image = await decoder.decode(readFileSync(at(`assets/demo/photos/${photo}`)));
    if (image.kind === 'absent') throw new Error(`${photo}: ${image.detail}`);
    images.push(image);
  }
  encodings = await createImageModel(bundle, models.image, 4)(images.map(({ pixels }) => pixels));
});
afterAll(() => Promise.all(Object.values(models).map((model) => model.close())));

/** The fusion of posts with their photos, behind the encoder that reads their texts. */
function fusionWithout(without: readonly ModelPart[]) {
  const encode = createEncoder(createTokenizer(bundle), models.text, 4);
  const fuse = createFusion(bundle, models.fusion, createVectorSearch(models.search), 8, without);
  return async (posts: readonly ModelInput[]) =>
    fuse(
      posts,
      await encode(posts.map((post) => ({ ...post, entities: [], attributes: [], imageText: '' }))),
    );
}

const spreadOf = (weights: readonly number[]) => Math.max(...weights) - Math.min(...weights);
const photoOf = (post: number): PhotoInput => ({
  entities: encodings[post]!.entities.map(({ label, score = 0 }) => ({ name: label, score })),
  regions: encodings[post]!.regions,
});
const inputOf = (post: number, regionsOf = post): ModelInput => ({
  text: references[post]!.text,
  entities: [],
  attributes: [],
  imageText: '',
  photos: [photoOf(regionsOf)],
});

describe('the half that sees and the reference in Python', () => {
  it('decode a photo to the same pixels, within one level of 255 on average', () => {
    for (const [post, { pixels }] of references.entries()) {
      const { pixels: own, width } = images[post]!;
      const differences = pixels.flatMap((row, y) =>
        row.flatMap((pixel, x) =>
          pixel.map((value, colour) =>
            Math.abs(value - own[((y * 32 + 16) * width + x * 32 + 16) * 3 + colour]!),
          ),
        ),
      );
      expect(differences.reduce((sum, one) => sum + one, 0) / differences.length).toBeLessThan(1);
    }
  });

  it('find the same entities in the same places', () => {
    for (const [post, { entities }] of references.entries()) {
      const found = new Map(encodings[post]!.entities.map((entity) => [entity.label, entity]));
      for (const { label, score, box } of entities.slice(0, 1)) {
        expect([...found.keys()], references[post]!.photo).toContain(label);
        expect(Math.abs(found.get(label)!.score! - score)).toBeLessThan(0.1);
        found.get(label)!.box!.forEach((edge, side) => expect(Math.abs(edge - box[side]!)).toBeLessThan(0.3));
      }
    }
  });

  it('match and weigh regions alike, and see the same', async () => {
    expect(references.some(({ shown }) => shown.length > 0)).toBe(true);
    const fused = await fusionWithout(['image-filter'])(references.map((_, post) => inputOf(post)));
    for (const [post, reference] of references.entries()) {
      const { photo, score, imageKeyphrases: shown } = fused[post]!;
      expect(Math.abs(score - reference.match), reference.photo).toBeLessThan(0.05);
      photo.weights.forEach((weight, region) =>
        expect(Math.abs(weight - reference.weights[region]!)).toBeLessThan(spreadOf(reference.weights) / 5),
      );
      // A word whose probability is about the least that counts may stand on either side of it.
      for (const { word, score: expected } of reference.shown.filter((one) => one.score > 0.12)) {
        expect(Math.abs(shown.find((one) => one.word === word)!.score - expected)).toBeLessThan(0.05);
      }
    }
  });
});

describe('the fusion of photo and text', () => {
  it('leaves posts without a photo alone', async () => {
    const [without, withPhoto] = await fusionWithout([])([
      { text: 'good morning', entities: [], attributes: [], imageText: '' },
      inputOf(0),
    ]);
    expect(without).toBeUndefined();
    expect(withPhoto?.photo.weights).toHaveLength(49);
    expect(withPhoto!.photo.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
  });

  it('says the same of a post whatever its batch-mates are, within 1e-4', async () => {
    const fuse = fusionWithout([]);
    const together = await fuse(references.map((_, post) => inputOf(post)));
    for (const post of references.keys()) {
      const [alone] = await fuse([inputOf(post)]);
      expect(Math.abs(alone!.score - together[post]!.score)).toBeLessThan(1e-4);
      expect(together[post]!.imageKeyphrases.map(({ word }) => word)).toEqual(
        alone!.imageKeyphrases.map(({ word }) => word),
      );
    }
  });

  it('takes a matching score that is given, and turns the photo away by it', async () => {
    const [low, high] = await fusionWithout([])([
      { ...inputOf(0), match: 0 },
      { ...inputOf(0), match: 1 },
    ]);
    expect(low).toMatchObject({ photo: { used: false, match: 0 }, imageKeyphrases: [] });
    expect(high).toMatchObject({ photo: { used: true, match: 1 } });
  });

  it('adds what a photo shows to what the words say, and raises what both say', async () => {
    const familiar = references.findIndex(({ shown }) => shown.length > 0);
    const post = { ...inputOf(familiar), photos: [{ ...photoOf(familiar), entities: [] }] };
    const [fused] = await fusionWithout([])([post]);
    const [[together], [wordsAlone]] = await Promise.all([
      createKeyphraseModel(bundle, models, { encoder: 4, decoder: 8 }, [])([post], 50),
      createKeyphraseModel(bundle, models, { encoder: 4, decoder: 8 }, ['fusion'])([post], 50),
    ]);
    const scoreOf = ({ phrases }: Prediction, word: string) =>
      phrases.find(({ phrase }) => phrase === word)?.score ?? 0;
    for (const { word, score } of fused!.imageKeyphrases) {
      const byWords = scoreOf(wordsAlone!, word);
      expect(scoreOf(together!, word), word).toBeCloseTo(1 - (1 - byWords) * (1 - score), 4);
    }
    const scores = together!.phrases.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((one, other) => other - one));
  });

  it('does not let a photo that is turned away say anything', async () => {
    const predict = createKeyphraseModel(bundle, models, { encoder: 4, decoder: 8 }, []);
    const [turnedAway, textAlone] = await predict(
      [
        { ...inputOf(0), match: 0 },
        { ...inputOf(0), photos: [] },
      ],
      5,
    );
    expect(turnedAway!.phrases).toEqual(textAlone!.phrases);
  });

  it('uses the photo of several that belongs to the text best', async () => {
    const [both] = await fusionWithout([])([{ ...inputOf(1), photos: [photoOf(3), photoOf(1), photoOf(6)] }]);
    const [own] = await fusionWithout([])([inputOf(1)]);
    expect(both!.photo).toMatchObject({ number: 1, used: true });
    expect(both!.score).toBeCloseTo(own!.score, 4);
    expect(both!.entities).toEqual(photoOf(1).entities.map(({ name }) => name));
  });

  it('chooses by its own score where one was given for all', async () => {
    const photos = [photoOf(3), photoOf(1)];
    const [given] = await fusionWithout([])([{ ...inputOf(1), photos, match: 0.9 }]);
    expect(given!.photo).toMatchObject({ number: 1, match: 0.9 });
  });

  it('neither judges nor turns away a photo unlike those of its training, nor one without a text', async () => {
    const coffee = references.findIndex(({ photo }) => photo === 'coffee.jpg');
    const astronaut = references.findIndex(({ photo }) => photo === 'astronaut.jpg');
    const [unlike, named, textless] = await fusionWithout([])([
      { ...inputOf(coffee), text: 'happy new year' },
      { ...inputOf(coffee), text: 'my second espresso' },
      { ...inputOf(astronaut), text: '' },
    ]);
    for (const fused of [unlike, textless]) {
      expect(fused!.photo.used).toBe(true);
      expect(fused!.photo).not.toHaveProperty('match');
    }
    expect(named!.photo.match).toBeGreaterThan(0.9);
  });

  it('weighs all regions the same without the region filter', async () => {
    const [fused] = await fusionWithout(['region-filter'])([inputOf(0)]);
    fused!.photo.weights.forEach((weight) => expect(weight).toBeCloseTo(1 / 49, 5));
  });

  it('puts no words forward without the fusion, and turns no photo away without the image filter', async () => {
    const familiar = references.findIndex(({ shown }) => shown.length > 0);
    const asked = [{ ...inputOf(familiar), match: 1 }];
    expect((await fusionWithout([])(asked))[0]!.imageKeyphrases).not.toEqual([]);
    expect((await fusionWithout(['fusion'])(asked))[0]!.imageKeyphrases).toEqual([]);
    const [kept] = await fusionWithout(['image-filter'])([{ ...inputOf(0), match: 0 }]);
    expect(kept!.photo.used).toBe(true);
  });
});

describe('a box within a box', () => {
  it('is a fraction of the whole', () => {
    expect(boxWithin([0.5, 0, 1, 1], [0, 0.25, 0.5, 1])).toEqual([0.5, 0.25, 0.75, 1]);
  });
});
