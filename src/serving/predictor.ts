import type { ImageAnalysis } from '../domain/entity.js';
import type { DecodedImage, Raster } from '../domain/image.js';
import type { Provider } from '../domain/provider.js';
import type { ModelInput, Prediction } from '../model/input.js';
import type { ModelDescription, ModelOptions } from '../model/model.js';
import type { Events } from '../telemetry/events.js';
import type { ModelName } from '../telemetry/metrics.js';
import { BatchQueue, type Batch } from './batch-queue.js';
import { createBatcher, systemClock, type QueueRunner } from './batcher.js';
import { startPool } from './pool.js';
import type { Request, Responses } from './protocol.js';

/** A model as the rest of the agent sees it: one item in, one answer out. Batches and threads are hidden behind it. */
export interface Predictor {
  readonly model: ModelDescription;
  /** How many workers hold the model. */
  readonly workers: number;
  /** Rejects when a worker dies unasked; never resolves. */
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
   * @param signal aborted when nobody waits for the answer any more
   * @throws InfrastructureError when the model can't run.
   */
  predict(input: ModelInput, signal?: AbortSignal): Promise<Prediction>;
  /** How long, in milliseconds, the longest run under way has taken: what the health check looks at. */
  waitingMs(): number;
  /** Answers what was asked, then lets the workers end. */
  close(): Promise<void>;
}

export interface PredictorOptions extends ModelOptions {
  /** How many workers there are to be on a provider. */
  workersOn(provider: Provider): number;
  /** Posts or images of a batch at most. */
  readonly maxSize: number;
  /** Tokens of a batch of posts at most, padding included. */
  readonly maxTokens: number;
  /** How long, in milliseconds, an item waits for others at most while a worker has room. */
  readonly maxWaitMs: number;
  /** Phrases proposed for a post at most. */
  readonly maxPhrases: number;
  /** Is told of each batch that a worker has run, before it is answered, and of the seconds that the run took. */
  readonly observe?: BatchObserver | undefined;
}

/** Watches the batches that workers run. */
export type BatchObserver = (request: Request, seconds: number) => void;

/**
 * Starts the workers. Images and posts queue apart, since they run through different models; the workers take batches
 * of all.
 *
 * @throws ConfigurationError when the bundle or the execution provider can't be used.
 */
export async function startPredictor(options: PredictorOptions, events: Events): Promise<Predictor> {
  const { workersOn, maxSize, maxTokens, maxWaitMs, maxPhrases, observe, ...modelOptions } = options;
  const pool = await startPool(modelOptions, workersOn);

  function runnerOf<I, R extends Request>(
    model: ModelName,
    queue: BatchQueue<I, Responses[R['kind']][number]>,
    request: (items: readonly I[]) => R,
  ): QueueRunner<I, Responses[R['kind']][number]> {
    return {
      queue,
      async run({ items, since }: Batch<I, Responses[R['kind']][number]>) {
        const waitSeconds = (systemClock.now() - since) / 1000;
        const asked = request(items);
        const { response, seconds } = await pool.run(asked);
        observe?.(asked, seconds);
        events.modelRan(model, items.length, waitSeconds, seconds);
        return response;
      },
    };
  }

  const { now } = systemClock;
  const images = new BatchQueue<DecodedImage, ImageAnalysis>(
    { maxSize, maxCost: Infinity, maxWaitMs },
    () => 1,
    now,
  );
  // Pages are of different sizes and take long: others may have their turn after each.
  const pages = new BatchQueue<Raster, string>({ maxSize: 1, maxCost: Infinity, maxWaitMs: 0 }, () => 1, now);
  const posts = new BatchQueue<ModelInput, Prediction>(
    { maxSize, maxCost: maxTokens, maxWaitMs },
    (input) => Math.min(estimateTokens(input), pool.model.maxTokens),
    now,
  );
  const batcher = createBatcher(
    [
      runnerOf('image', images, (items) => ({
        kind: 'analyze-images',
        images: items.map(({ pixels }) => pixels),
      })),
      runnerOf('ocr', pages, (items) => ({ kind: 'read-text', images: items })),
      runnerOf('text', posts, (items) => ({ kind: 'predict', posts: items, limit: maxPhrases })),
    ],
    pool,
    systemClock,
  );

  return {
    model: pool.model,
    workers: pool.workers,
    died: pool.died,
    analyzeImage: (image) => images.submit(image),
    readText: (page) => pages.submit(page),
    predict: (input, signal) => posts.submit(input, signal),
    waitingMs: pool.waitingMs,
    async close() {
      await batcher.drain();
      await pool.close();
    },
  };
}

/** Letters of a token on average: wordpieces of the benchmark's posts, with the space before them. */
const lettersOfToken = 4;
/** Scripts without spaces have about a token for each character. */
const wholeTokens = /[\u2e80-\ud7ff\uf900-\ufaff]/g;

/** How many tokens a post is, roughly: enough to tell long posts from short ones, and to bound a batch. */
function estimateTokens({ text, entities, attributes, imageText, photos = [] }: ModelInput): number {
  const ofPhotos = photos.flatMap((photo) => [
    ...photo.entities.map(({ name }) => name),
    photo.imageText ?? '',
  ]);
  const words = [text, ...entities, ...attributes, imageText, ...ofPhotos];
  const letters = words.reduce((sum, { length }) => sum + length, 0);
  const whole = words.reduce((sum, word) => sum + (word.match(wholeTokens)?.length ?? 0), 0);
  return 2 + Math.ceil((letters - whole) / lettersOfToken) + whole;
}
