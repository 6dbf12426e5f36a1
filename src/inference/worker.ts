import { parentPort, workerData } from 'node:worker_threads';
import { readBundle, type ModelBundle } from './model-bundle.js';
import type {
  FromWorker,
  ImageEncoding,
  ModelInput,
  Provider,
  Request,
  Responses,
  ToWorker,
  WorkerOptions,
} from './protocol.js';
import { openSession, ProviderUnavailableError, type Session } from './session.js';
import { imageTensors, textTensors, topScores } from './tensors.js';
import { createTokenizer } from './tokenizer.js';
import type { ScoredPhrase } from '../domain/keyphrase.js';

/**
 * The inference thread. ONNX Runtime's `run()` blocks the thread it is called on, so models live here and the
 * main thread keeps answering Kafka. Nothing terminates this thread from outside: that would abort the process
 * in mid-run. It ends when it is told to close, after the requests that came before.
 */
if (parentPort === null) throw new Error('this file is a worker thread of the agent');
const port = parentPort;
const send = (message: FromWorker) => port.postMessage(message);

interface Models {
  readonly provider: Provider;
  readonly note?: string;
  readonly text: Session;
  readonly image: Session;
}

async function openModels(bundle: ModelBundle, { provider, threads }: WorkerOptions): Promise<Models> {
  const open = async (on: Provider) => {
    const text = await openSession(bundle.path(bundle.manifest.text.model), on, threads);
    const image = await openSession(bundle.path(bundle.manifest.image.model), on, threads);
    return { provider: on, text, image };
  };
  if (provider !== 'auto') return open(provider);
  try {
    return await open('cuda');
  } catch (error) {
    if (!(error instanceof ProviderUnavailableError)) throw error;
    return { ...(await open('cpu')), note: error.message };
  }
}

function createRunner(
  bundle: ModelBundle,
  models: Models,
): (request: Request) => Promise<Responses[Request['kind']]> {
  const { text, image } = bundle.manifest;
  const tokenize = createTokenizer(bundle);
  const labels = bundle.lines(text.labels);
  const classes = bundle.lines(image.classes);

  async function encodeImages(images: readonly Uint8Array[]): Promise<ImageEncoding[]> {
    const probabilities = await models.image.run(imageTensors(images, image.size), 'probabilities');
    return images.map((_, row) => ({
      entities: topScores(rowOf(probabilities, row, classes.length), image.maxEntities)
        .filter(({ score }) => score >= image.minScore)
        .map(({ index, score }) => ({ label: classes[index] ?? '', score })),
    }));
  }

  async function predict(inputs: readonly ModelInput[], limit: number): Promise<ScoredPhrase[][]> {
    const scores = await models.text.run(textTensors(inputs.map(tokenize)), 'scores');
    return inputs.map((_, row) =>
      topScores(rowOf(scores, row, labels.length), limit).map(({ index, score }) => ({
        phrase: labels[index] ?? '',
        score,
        origin: ['classified'],
      })),
    );
  }

  return (request) =>
    request.kind === 'encode-images' ? encodeImages(request.images) : predict(request.inputs, request.limit);
}

function rowOf(matrix: Float32Array, row: number, columns: number): Float32Array {
  return matrix.subarray(row * columns, (row + 1) * columns);
}

const problemOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function main(options: WorkerOptions): Promise<void> {
  const bundle = readBundle(options.bundle);
  const models = await openModels(bundle, options);
  const run = createRunner(bundle, models);

  // The first run of a session allocates its buffers: warm means it has happened.
  await run({ kind: 'encode-images', images: [new Uint8Array(bundle.manifest.image.size ** 2 * 3)] });
  await run({ kind: 'predict', inputs: [{ text: 'warm', imageWords: [], imageText: '' }], limit: 1 });

  // Requests run one after the other: `previous` is the end of the queue.
  let previous: Promise<void> = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    previous = previous.then(async () => {
      if (message.type === 'close') {
        await Promise.all([models.text.close(), models.image.close()]);
        port.close();
        return;
      }
      const { id, request } = message;
      const start = performance.now();
      try {
        const response = await run(request);
        send({ type: 'done', id, response, seconds: (performance.now() - start) / 1000 });
      } catch (error) {
        send({ type: 'failed', id, problem: problemOf(error) });
      }
    });
  });
  send({
    type: 'ready',
    provider: models.provider,
    ...(models.note === undefined ? {} : { note: models.note }),
  });
}

main(workerData as WorkerOptions).catch((error: unknown) => {
  const key = error instanceof ProviderUnavailableError ? 'inference.provider' : 'model.path';
  send({ type: 'refused', key, problem: problemOf(error) });
  port.close();
});
