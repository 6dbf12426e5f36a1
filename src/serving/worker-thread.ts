import { parentPort, workerData } from 'node:worker_threads';
import { ConfigurationError } from '../domain/errors.js';
import { openModel, type Model } from '../model/model.js';
import { guarded } from './exit-guard.js';
import type { FromWorker, Request, Responses, ToWorker, WorkerData } from './protocol.js';

/**
 * A worker's thread. ONNX Runtime's `run()` blocks the thread it is called on, so a model lives here and the main thread
 * keeps answering Kafka. Nothing ends this thread in the middle of a run, which would abort the process: it ends when it
 * is told to close, after the requests that came before.
 */
if (parentPort === null) throw new Error('this file is a worker thread of the agent');
const port = parentPort;
const send = (message: FromWorker) => port.postMessage(message);

function run(model: Model, request: Request): Promise<Responses[Request['kind']]> {
  switch (request.kind) {
    case 'analyze-images':
      return model.analyzeImages(request.images);
    case 'read-text':
      return model.readText(request.images);
    case 'predict':
      return model.predict(request.posts, request.limit);
  }
}

async function main({ options, guard }: WorkerData): Promise<void> {
  const model = await openModel(options, guarded(guard));
  // Requests run one after the other: `previous` is the end of the queue.
  let previous: Promise<void> = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    previous = previous.then(async () => {
      if (message.type === 'close') {
        await model.close();
        port.close();
        return;
      }
      const { id, request } = message;
      const start = performance.now();
      try {
        const response = await run(model, request);
        send({ type: 'done', id, response, seconds: (performance.now() - start) / 1000 });
      } catch (error) {
        send({ type: 'failed', id, problem: error instanceof Error ? error.message : String(error) });
      }
    });
  });
  const { name, version, provider, note, cleaning, maxTokens, imageGeometry } = model;
  const described = { name, version, provider, cleaning, maxTokens, imageGeometry };
  send({ type: 'ready', model: note === undefined ? described : { ...described, note } });
}

main(workerData as WorkerData).catch((error: unknown) => {
  if (!(error instanceof ConfigurationError)) throw error;
  send({ type: 'refused', faults: error.faults });
  port.close();
});
