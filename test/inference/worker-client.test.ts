import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { InfrastructureError } from '../../src/domain/errors.js';
import { startPredictor, type Predictor, type PredictorOptions } from '../../src/inference/predictor.js';
import { events } from '../support/transport.js';

const options: PredictorOptions = {
  bundle: fileURLToPath(new URL('../../models/bundle', import.meta.url)),
  provider: 'cpu',
  threads: 1,
  without: [],
  readText: false,
  maxSize: 4,
  maxWaitMs: 1,
  maxPhrases: 5,
};
const input = { text: 'my cat', entities: [], attributes: [], imageText: '' };

/** A predictor with the thread behind it, which only Node itself hands out. */
async function startWithThread(): Promise<{ predictor: Predictor; thread: Worker }> {
  const created = once(process, 'worker');
  const predictor = await startPredictor(options, events);
  const [thread] = (await created) as [Worker];
  return { predictor, thread };
}

it('rejects what is asked after the worker died, with what it died of, and still closes', async () => {
  const { predictor, thread } = await startWithThread();
  await predictor.predict(input);
  await thread.terminate();

  await expect(predictor.died).rejects.toThrow(/the inference worker died: exit code/);
  await expect(predictor.predict(input)).rejects.toThrow(InfrastructureError);
  await expect(predictor.predict(input)).rejects.toThrow(/the inference worker died: exit code/);
  expect(predictor.waitingMs()).toBe(0);
  await expect(predictor.close()).resolves.toBeUndefined();
});

it('rejects what is asked after it was closed', async () => {
  const { predictor } = await startWithThread();
  await predictor.close();

  await expect(predictor.predict(input)).rejects.toThrow(/the inference worker was closed/);
});

it('closes when the worker dies while a request waits for its batch', async () => {
  const { predictor, thread } = await startWithThread();
  await predictor.predict(input);
  const answer = predictor.predict(input);
  const closed = Promise.all([thread.terminate(), predictor.close()]);

  await expect(answer).rejects.toThrow(/the inference worker died/);
  await closed;
});
