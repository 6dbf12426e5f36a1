import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { InfrastructureError } from '../../src/domain/errors.js';
import { startPredictor, type Predictor, type PredictorOptions } from '../../src/serving/predictor.js';
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

it(
  'lets a process exit in the middle of a run with the exit code it asked for',
  { timeout: 60_000 },
  async () => {
    const client = new URL('../../dist/serving/worker.js', import.meta.url).href;
    const program = `void import(${JSON.stringify(client)}).then(async ({ startWorker }) => {
    const worker = await startWorker(${JSON.stringify(options)});
    const inputs = Array.from({ length: 64 }, () => (${JSON.stringify(input)}));
    const ask = () => worker.run({ kind: 'predict', inputs, limit: 5 }).then(ask);
    void Promise.all([ask(), ask()]);
    setTimeout(() => process.exit(7), 100 * Math.random());
  })`;
    for (let attempt = 0; attempt < 3; attempt++) {
      const child = spawn(process.execPath, ['--eval', program], { stdio: 'ignore' });
      expect(await once(child, 'exit')).toEqual([7, null]);
    }
  },
);
