import { parentPort, workerData } from 'node:worker_threads';
import type { Raster } from '../domain/image.js';
import { createImageModel } from '../model/image/image-model.js';
import { createKeyphraseModel, type Models } from '../model/keyphrase/keyphrase-model.js';
import { readBundle, type ModelBundle } from '../model/bundle.js';
import type { Provider } from '../domain/provider.js';
import type { FromWorker, Request, Responses, ToWorker, WorkerData, WorkerOptions } from './protocol.js';
import { ExitGuard } from './exit-guard.js';
import { openSession, ProviderUnavailableError, type Session } from '../onnx/session.js';
import { openOcr, OcrMissingError } from '../model/ocr/ocr.js';

/**
 * The inference thread. ONNX Runtime's `run()` blocks the thread it is called on, so models live here and the
 * main thread keeps answering Kafka. Nothing ends this thread in the middle of a run, which would abort the process: it
 * ends when it is told to close, after the requests that came before, and an exit of the process waits at its gate.
 */
if (parentPort === null) throw new Error('this file is a worker thread of the agent');
const port = parentPort;
const send = (message: FromWorker) => port.postMessage(message);

type Sessions = Models & { readonly image: Session };

async function openSessions(bundle: ModelBundle, provider: Provider, threads: number): Promise<Sessions> {
  const { text, memory, decoder, ranker, image, fusion } = bundle.manifest;
  const open = (file: string) => openSession(bundle.path(file), provider, threads);
  return {
    text: await open(text.model),
    search: await open(memory.search),
    decoder: await open(decoder.model),
    ranker: await open(ranker.model),
    image: await open(image.model),
    fusion: await open(fusion.model),
  };
}

/** The sessions on the provider that was asked for; `note` says why `auto` did not take CUDA. */
async function openOnProvider(
  bundle: ModelBundle,
  { provider, threads }: WorkerOptions,
): Promise<{ readonly provider: Provider; readonly sessions: Sessions; readonly note?: string }> {
  const open = async (on: Provider) => ({ provider: on, sessions: await openSessions(bundle, on, threads) });
  if (provider !== 'auto') return open(provider);
  try {
    return await open('cuda');
  } catch (error) {
    if (!(error instanceof ProviderUnavailableError)) throw error;
    return { ...(await open('cpu')), note: error.message };
  }
}

const problemOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function main({ options, gate: memory }: WorkerData): Promise<void> {
  const gate = new ExitGuard(memory);
  const bundle = readBundle(options.bundle);
  const { provider, sessions, note } = await gate.pass(() => openOnProvider(bundle, options));
  const encodeImages = createImageModel(bundle, sessions.image);
  const predict = createKeyphraseModel(bundle, sessions, options.without);
  const { readText: wanted, threads } = options;
  const reader = wanted ? await gate.pass(() => openOcr(provider, threads)) : undefined;
  const readText = async (images: readonly Raster[]): Promise<readonly string[]> => {
    if (reader === undefined) throw new Error('the models that read text in images were not asked for');
    const texts: string[] = [];
    for (const image of images) texts.push(await reader.read(image));
    return texts;
  };
  const run = (request: Request): Promise<Responses[Request['kind']]> => {
    switch (request.kind) {
      case 'encode-images':
        return encodeImages(request.images);
      case 'read-text':
        return readText(request.images);
      case 'predict':
        return predict(request.inputs, request.limit);
    }
  };

  // The first run of a session allocates its buffers: warm means it has happened.
  const black = new Uint8Array(bundle.manifest.image.size ** 2 * 3);
  const [photo] = await gate.pass(() => encodeImages([black]));
  const words = { text: 'warm', entities: [], attributes: [], imageText: '' };
  const post = photo === undefined ? words : { ...words, photos: [{ entities: [], regions: photo.regions }] };
  await gate.pass(() => predict([post], 1));

  // Requests run one after the other: `previous` is the end of the queue.
  let previous: Promise<void> = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    previous = previous.then(async () => {
      if (message.type === 'close') {
        await gate.pass(async () => {
          for (const session of Object.values(sessions)) await session.close();
          await reader?.close();
        });
        port.close();
        return;
      }
      const { id, request } = message;
      const start = performance.now();
      try {
        const response = await gate.pass(() => run(request));
        send({ type: 'done', id, response, seconds: (performance.now() - start) / 1000 });
      } catch (error) {
        send({ type: 'failed', id, problem: problemOf(error) });
      }
    });
  });
  send({
    type: 'ready',
    provider,
    ...(note === undefined ? {} : { note }),
  });
}

/** The setting that is to blame. */
function keyOf(error: unknown): Extract<FromWorker, { type: 'refused' }>['key'] {
  if (error instanceof ProviderUnavailableError) return 'inference.provider';
  return error instanceof OcrMissingError ? 'images.readText' : 'model.path';
}

main(workerData as WorkerData).catch((error: unknown) => {
  send({ type: 'refused', key: keyOf(error), problem: problemOf(error) });
  port.close();
});
