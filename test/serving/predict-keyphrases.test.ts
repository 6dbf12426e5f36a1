import { describe, expect, it } from 'vitest';
import type { EnrichedPost } from '../../src/domain/entity.js';
import type { ScoredPhrase } from '../../src/domain/keyphrase.js';
import { createKeyphrasePredictor, type PredictionOptions } from '../../src/serving/predict-keyphrases.js';

type Asked = Parameters<PredictionOptions['predict']>[0];

const enriched: EnrichedPost = {
  post: {
    id: '1',
    text: 'Look at THIS #Caturday',
    images: [],
    enrichment: {
      entities: ['Tabby Cat', '!'],
      attributes: ['Cat', '', 'SOFA'],
      imageText: 'CATURDAY',
      match: 0.9,
    },
  },
  cleanText: 'look at this caturday',
  analyzedImages: [
    { image: { kind: 'absent', reason: 'given' }, entities: [{ label: 'Tabby Cat' }, { label: '!' }] },
  ],
};

type PhotoUse = NonNullable<Awaited<ReturnType<PredictionOptions['predict']>>['photo']>;

function predictor(asked: Asked[], scores: readonly number[] = [0.9, 0.5, 0.1], photo?: PhotoUse) {
  return createKeyphrasePredictor({
    model: { name: 'tagstream', version: '1' },
    maxPhrases: 2,
    minScore: 0.2,
    cleanText: (text) => text.toLowerCase().replace('!', ''),
    predict(input) {
      asked.push(input);
      const phrases = ['caturday', 'cats of twitter', 'cat'].map((phrase, rank): ScoredPhrase => ({
        phrase,
        score: scores[rank] ?? 0,
        origin: ['classified'],
      }));
      return Promise.resolve(photo === undefined ? { phrases } : { phrases, photo });
    },
  });
}

describe('predicting keyphrases', () => {
  it('asks the model with entities and attributes apart, cleaned and without empty ones', async () => {
    const asked: Asked[] = [];
    await predictor(asked)(enriched);
    expect(asked).toEqual([
      {
        text: 'look at this caturday',
        entities: ['tabby cat'],
        attributes: ['cat', 'sofa'],
        imageText: 'caturday',
        match: 0.9,
        photos: [],
      },
    ]);
  });

  it('hands on the photos that were looked at, and tells of the one that was used', async () => {
    const asked: Asked[] = [];
    const photo = { kind: 'decoded', pixels: new Uint8Array(3), width: 1, height: 1 } as const;
    const regions = new Float32Array(49);
    const analyzedImages: EnrichedPost['analyzedImages'] = [
      { image: { kind: 'absent', reason: 'unreachable' }, entities: [] },
      { image: { ...photo, view: [0, 0, 1, 1] }, entities: [{ label: 'Dog', score: 0.5 }], regions },
      { image: { ...photo, view: [0.1, 0, 0.9, 1] }, entities: [{ label: 'Cat', score: 0.9 }], regions },
    ];
    const post = { id: '1', text: 'look', images: ['a', 'b', 'c'] };
    const use = { number: 1, used: true, match: 0.8, weights: [1] };
    const predicted = { post, cleanText: 'look', analyzedImages };
    const { image, result } = await predictor(asked, [], use)(predicted);
    expect(asked[0]).toMatchObject({
      entities: [],
      photos: [
        { entities: [{ name: 'dog', score: 0.5 }], regions },
        { entities: [{ name: 'cat', score: 0.9 }], regions },
      ],
    });
    expect(image).toBe(analyzedImages[2]?.image);
    expect(result.entities).toEqual([{ label: 'Cat', score: 0.9 }]);
    expect(result.image).toEqual({
      used: true,
      number: 2,
      match: 0.8,
      regions: { rows: 7, columns: 7, weights: [1], box: [0.1, 0, 0.9, 1] },
    });
    const read = predicted.analyzedImages.map((analyzed) => ({ ...analyzed, imageText: 'Cats of TWITTER' }));
    const { result: reading } = await predictor(
      asked,
      [0.1, 0.9],
      use,
    )({ ...predicted, analyzedImages: read });
    expect(asked[1]).toMatchObject({ imageText: '', photos: [{ imageText: 'cats of twitter' }, {}] });
    expect(reading.image.text).toBe('Cats of TWITTER');
    expect(reading.keyphrases).toMatchObject([{ span: { of: 'imageText', start: 0, end: 15 } }]);
    const turnedAway = await predictor([], [], { ...use, used: false })(predicted);
    expect(turnedAway.result).toMatchObject({ entities: [], image: { used: false, reason: 'not_matching' } });
  });

  it('keeps the best phrases of at least the lowest score, and finds them in the post', async () => {
    const { keyphrases } = (await predictor([])(enriched)).result;
    expect(keyphrases.map(({ phrase, present, span }) => ({ phrase, present, span }))).toEqual([
      { phrase: 'caturday', present: true, span: { of: 'text', start: 14, end: 22 } },
      { phrase: 'cats of twitter', present: false, span: undefined },
    ]);
    expect((await predictor([], [0.9, 0.1])(enriched)).result.keyphrases).toHaveLength(1);
  });
});
