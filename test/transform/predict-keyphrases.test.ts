import { describe, expect, it } from 'vitest';
import type { EnrichedPost } from '../../src/domain/entity.js';
import type { ScoredPhrase } from '../../src/domain/keyphrase.js';
import { createKeyphrasePredictor, type PredictionOptions } from '../../src/transform/predict-keyphrases.js';

type Asked = Parameters<PredictionOptions['predict']>[0];

const enriched: EnrichedPost = {
  post: {
    id: '1',
    text: 'Look at THIS #Caturday',
    images: [],
    enrichment: { entities: ['Tabby Cat', '!'], attributes: ['Cat', '', 'SOFA'], match: 0.9 },
  },
  cleanText: 'look at this caturday',
  image: { kind: 'absent', reason: 'given' },
  entities: [{ label: 'Tabby Cat' }, { label: '!' }],
  imageText: 'CATURDAY',
};

function predictor(asked: Asked[], scores: readonly number[] = [0.9, 0.5, 0.1]) {
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
      return Promise.resolve({ phrases });
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
      },
    ]);
  });

  it('keeps the best phrases of at least the lowest score, and finds them in the post', async () => {
    const { keyphrases } = await predictor([])(enriched);
    expect(keyphrases.map(({ phrase, present, span }) => ({ phrase, present, span }))).toEqual([
      { phrase: 'caturday', present: true, span: { of: 'text', start: 14, end: 22 } },
      { phrase: 'cats of twitter', present: false, span: undefined },
    ]);
    expect((await predictor([], [0.9, 0.1])(enriched)).keyphrases).toHaveLength(1);
  });
});
