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
  workersOn: () => 1,
  maxSize: 4,
  maxTokens: 4_096,
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
  'lets a process exit in the middle of runs of two workers with the exit code it asked for',
  { timeout: 60_000 },
  async () => {
    const client = new URL('../../dist/serving/worker.js', import.meta.url).href;
    const program = `void import(${JSON.stringify(client)}).then(async ({ startWorker }) => {
    const workers = [await startWorker(${JSON.stringify(options)}), await startWorker(${JSON.stringify(options)})];
    const posts = Array.from({ length: 64 }, () => (${JSON.stringify(input)}));
    const ask = async (worker) => {
      for (;;) {
        const { response } = await worker.run({ kind: 'predict', posts, limit: 5 });
        if (response.length !== 64) process.exit(8);
      }
    };
    for (const worker of [...workers, ...workers]) ask(worker).catch(() => process.exit(9));
    setTimeout(() => process.exit(7), 300 * Math.random());
  })`;
    for (let attempt = 0; attempt < 3; attempt++) {
      const child = spawn(process.execPath, ['--eval', program], { stdio: 'ignore' });
      expect(await once(child, 'exit')).toEqual([7, null]);
    }
  },
);
