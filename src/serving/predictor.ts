import type { ImageAnalysis } from '../domain/entity.js';
import type { DecodedImage, Raster } from '../domain/image.js';
import type { Events } from '../telemetry/events.js';
import type { ModelName } from '../telemetry/metrics.js';
import { createDynamicBatcher, type BatcherOptions } from './batcher.js';
import type { Provider } from '../domain/provider.js';
import type { ModelInput, Prediction } from '../model/input.js';
import type { Request, Responses, WorkerOptions } from './protocol.js';
import { startWorker } from './worker.js';

/** The model as the rest of the agent sees it: one item in, one answer out. Batches and threads hide behind it. */
export interface Predictor {
  readonly provider: Provider;
  /** Why `auto` did not take CUDA. */
  readonly note: string | undefined;
  /** Rejects when the inference worker dies unasked; never resolves. */
  readonly died: Promise<never>;
  /** @throws InfrastructureError when the model can't run. */
  analyzeImage(image: DecodedImage): Promise<ImageAnalysis>;
  /**
   * The text that an image shows; empty where there is none.
   *
   * @throws InfrastructureError when the model can't run, or was not started with `readText`.
   */
  readText(page: Raster): Promise<string>;
  /**
   * The keyphrases the model proposes for a post, and what became of its photo.
   *
   * @throws InfrastructureError when the model can't run.
   */
  predict(input: ModelInput): Promise<Prediction>;
  /** How long, in milliseconds, the worker has owed its oldest answer: what the health check looks at. */
  waitingMs(): number;
  /** Answers what was asked, then lets the worker end. */
  close(): Promise<void>;
}

export interface PredictorOptions
  extends WorkerOptions, Pick<BatcherOptions<never, never>, 'maxSize' | 'maxWaitMs'> {
  /** Phrases proposed for a post at most. */
  readonly maxPhrases: number;
}

/**
 * Starts the inference worker. Images and posts queue apart, since they run through different models; the one
 * worker takes their batches in turn.
 *
 * @throws ConfigurationError when the bundle or the execution provider can't be used.
 */
export async function startPredictor(options: PredictorOptions, events: Events): Promise<Predictor> {
  const { bundle, provider, threads, without, readText, maxSize, maxWaitMs, maxPhrases } = options;
  const worker = await startWorker({ bundle, provider, threads, without, readText });

  function batched<I, R extends Request>(
    model: ModelName,
    request: (items: readonly I[]) => R,
    limits = { maxSize, maxWaitMs },
  ) {
    return createDynamicBatcher<I, Responses[R['kind']][number]>({
      ...limits,
      async run(items, waitSeconds) {
        const { response, seconds } = await worker.run(request(items));
        events.modelRan(model, items.length, waitSeconds, seconds);
        return response;
      },
    });
  }
  const images = batched('image', (items: readonly DecodedImage[]) => ({
    kind: 'encode-images',
    images: items.map(({ pixels }) => pixels),
  }));
  // Pages are of different sizes and take long: others may have their turn after each.
  const pages = batched('ocr', (images: readonly Raster[]) => ({ kind: 'read-text', images }), {
    maxSize: 1,
    maxWaitMs: 0,
  });
  const posts = batched('text', (inputs: readonly ModelInput[]) => ({
    kind: 'predict',
    inputs,
    limit: maxPhrases,
  }));

  return {
    provider: worker.provider,
    note: worker.note,
    died: worker.died,
    analyzeImage: images.submit,
    readText: pages.submit,
    predict: posts.submit,
    waitingMs: worker.waitingMs,
    async close() {
      await Promise.all([images.drain(), pages.drain(), posts.drain()]);
      await worker.close();
    },
  };
}
