import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/domain/errors.js';
import type { DecodedImage } from '../../src/domain/image.js';
import type { ScoredPhrase } from '../../src/domain/keyphrase.js';
import { startPredictor, type Predictor, type PredictorOptions } from '../../src/serving/predictor.js';
import { createEvents } from '../../src/telemetry/events.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const bundle = fileURLToPath(new URL('../../models/bundle', import.meta.url));
const metrics = createMetrics();
const events = createEvents(createLogger('silent'), metrics);
const options: PredictorOptions = {
  bundle,
  provider: 'cpu',
  threads: 1,
  without: [],
  readText: false,
  workersOn: () => 1,
  maxSize: 16,
  maxTokens: 4_096,
  maxWaitMs: 5,
  maxPhrases: 5,
};

const texts = [
  'good morning from the beach',
  'what a goal ! manchester united are back',
  'my cat sleeps all day and all night , and who could blame him , it is <number> degrees out there and the sofa is soft',
  'new episode tonight , who will sit on the iron throne ?',
  'storm over the city',
];
const input = (text: string) => ({ text, entities: [], attributes: [], imageText: '' });
const grey = (level: number): DecodedImage => ({
  kind: 'decoded',
  pixels: new Uint8Array(224 * 224 * 3).fill(level),
  width: 224,
  height: 224,
  view: [0, 0, 1, 1],
});

describe('the predictor', () => {
  let predictor: Predictor;
  beforeAll(async () => (predictor = await startPredictor(options, events)));
  afterAll(() => predictor.close());

  it('proposes phrases with probabilities, best first', async () => {
    const { phrases } = await predictor.predict(input('what a goal ! manchester united are back'));
    expect(phrases).toHaveLength(5);
    expect(phrases.map(({ score }) => score)).toEqual(
      phrases.map(({ score }) => score).sort((a, b) => b - a),
    );
    expect(phrases.every(({ score }) => score > 0 && score < 1)).toBe(true);
    expect(phrases.map(({ phrase }) => phrase)).toContain('mufc');
  });

  it('gives a post the same phrases whatever its batch-mates are, within 1e-4 in score', async () => {
    const alone: (readonly ScoredPhrase[])[] = [];
    for (const text of texts) alone.push((await predictor.predict(input(text))).phrases);
    const together = await Promise.all(texts.map((text) => predictor.predict(input(text))));
    together.forEach(({ phrases }, post) => {
      expect(phrases.map(({ phrase }) => phrase)).toEqual(alone[post]?.map(({ phrase }) => phrase));
      phrases.forEach(({ score }, rank) => {
        expect(Math.abs(score - (alone[post]?.[rank]?.score ?? NaN))).toBeLessThan(1e-4);
      });
    });
  });

  it('reads the words of the image', async () => {
    const text = 'just look at this';
    const without = await predictor.predict(input(text));
    const withWords = await predictor.predict({
      text,
      entities: ['tabby cat', 'kitten'],
      attributes: ['cat'],
      imageText: 'caturday',
    });
    expect(withWords.phrases.map(({ phrase }) => phrase)).not.toEqual(
      without.phrases.map(({ phrase }) => phrase),
    );
  });

  it('puts posts that come together into one batch', async () => {
    const before =
      (await metrics.batchSize.get()).values.find(({ metricName }) => metricName?.endsWith('_count'))
        ?.value ?? 0;
    await Promise.all(texts.map((text) => predictor.predict(input(text))));
    const after =
      (await metrics.batchSize.get()).values.find(({ metricName }) => metricName?.endsWith('_count'))
        ?.value ?? 0;
    expect(after - before).toBe(1);
  });

  it('sees the same in an image alone and in a batch', async () => {
    const alone = await predictor.analyzeImage(grey(90));
    const [together] = await Promise.all(
      [grey(90), grey(10), grey(250)].map((image) => predictor.analyzeImage(image)),
    );
    expect(together?.entities.map(({ label }) => label)).toEqual(alone.entities.map(({ label }) => label));
  });

  it('fails a request the model cannot run, and goes on', async () => {
    const tooSmall: DecodedImage = { ...grey(0), pixels: new Uint8Array(3) };
    await expect(predictor.analyzeImage(tooSmall)).rejects.toThrow('an image has 3 bytes');
    await expect(predictor.analyzeImage(grey(90))).resolves.toHaveProperty('entities');
  });

  it('keeps the event loop free while the model runs', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await Promise.all(Array.from({ length: 64 }, (_, index) => predictor.predict(input(`post ${index}`))));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });
});

describe('starting a predictor', () => {
  it('answers what was asked before it closes', async () => {
    const predictor = await startPredictor(options, events);
    const answers = Promise.all(
      Array.from({ length: 40 }, (_, index) => predictor.predict(input(`post ${index}`))),
    );
    await predictor.close();
    expect(await answers).toHaveLength(40);
  });

  it('refuses CUDA where there is none, and says what to do', async () => {
    const started = startPredictor({ ...options, provider: 'cuda' }, events);
    await expect(started).rejects.toBeInstanceOf(ConfigurationError);
    await expect(started).rejects.toThrow(/inference\.provider: CUDA cannot be loaded.*set auto or cpu/s);
  });

  it('takes the CPU by itself where there is no CUDA, and says why', async () => {
    const predictor = await startPredictor({ ...options, provider: 'auto' }, events);
    expect(predictor.model.provider).toBe('cpu');
    expect(predictor.model.note).toContain('CUDA cannot be loaded');
    await predictor.close();
  });
});
