import type { Config } from './config/load.js';
import { packageVersion } from './config/package-version.js';
import { createRecordDecoder } from './formats/decode-record.js';
import { createImageAnalyzer } from './images/analyze-image.js';
import { createImageDecoder } from './images/decode-image.js';
import { createImageFetcher, type ImageFetcher } from './images/fetch-image.js';
import { createImageCache } from './images/image-cache.js';
import { createImagesLoader } from './images/load-images.js';
import { readBundle } from './model/bundle.js';
import type { Steps } from './pipeline.js';
import { findWorkers, readMachine } from './serving/machine.js';
import { ModelSlot, type Closable } from './serving/model-slot.js';
import { createKeyphrasePredictor } from './serving/predict-keyphrases.js';
import { startPredictor, type BatchObserver, type Predictor } from './serving/predictor.js';
import type { Events } from './telemetry/events.js';
import { createTextCleaner } from './text/clean-text.js';
import { createScreen, type Screen } from './text/screen-post.js';

/** A model with the steps that are made for it: its cleaning, its images' geometry, its analyses. */
export interface LoadedModel extends Closable, Pick<Predictor, 'model' | 'workers' | 'waitingMs'> {
  readonly steps: Steps;
  /**
   * The same for posts in tagstream's own format that are no part of the stream: none is a duplicate or skipped, and of
   * their images nothing is kept.
   */
  readonly loneSteps: Steps;
}

/** What every command that tags has in common: the live model with its steps, from a record to its outcome. */
export interface Tagger {
  readonly slot: ModelSlot<LoadedModel>;
  /**
   * Loads another model beside the live one; it tags nothing before it is put into the slot.
   *
   * @param path folder of its bundle
   * @throws ConfigurationError when the bundle or the execution provider can't be used
   */
  load(path: string): Promise<LoadedModel>;
  /**
   * Makes a loaded model the live one, from the next chunk on.
   *
   * @returns when the one before is closed
   */
  replace(next: LoadedModel): Promise<void>;
  /** Answers what was asked, then lets go of all models and connections. */
  close(): Promise<void>;
}

/**
 * Loads the configured model.
 *
 * @param imageFolder folder from which posts may name images by path; none may where it is not given
 * @param observe watches the batches that the model runs
 * @throws ConfigurationError when the bundle or the execution provider can't be used
 */
export async function openTagger(
  config: Config,
  events: Events,
  imageFolder?: string,
  observe?: BatchObserver,
): Promise<Tagger> {
  const { images, noise } = config;
  const fetcher = createImageFetcher({
    ...images,
    userAgent: `tagstream/${packageVersion}`,
    onHostPaused: events.imageHostPaused,
    ...(imageFolder === undefined ? {} : { localFiles: { baseDir: imageFolder } }),
  });
  // What was seen is of the stream, not of a model.
  const screen = createScreen(noise);
  const load = (path: string) => loadModel(config, path, { events, fetcher, screen, observe });
  try {
    const first = await load(config.model.path);
    const slot = new ModelSlot(first);
    const nowLive = ({ model, workers }: LoadedModel): void =>
      events.modelLoaded(model, { ...readMachine(), workers });
    nowLive(first);
    return {
      slot,
      load,
      replace(next) {
        nowLive(next);
        return slot.replace(next);
      },
      async close() {
        await slot.close();
        await fetcher.close();
      },
    };
  } catch (error) {
    await fetcher.close();
    throw error;
  }
}

/** What outlives a model. */
interface SharedParts {
  readonly events: Events;
  readonly fetcher: ImageFetcher;
  readonly screen: Screen;
  readonly observe: BatchObserver | undefined;
}

async function loadModel(config: Config, path: string, shared: SharedParts): Promise<LoadedModel> {
  const { inference, batch, output, images, model } = config;
  const { provider, threads } = inference;
  const predictor = await startPredictor(
    {
      ...{ bundle: path, provider, threads, without: model.without, readText: images.readText },
      ...batch,
      workersOn: (on) => findWorkers(inference, on).workers,
      maxPhrases: output.maxPhrases,
      observe: shared.observe,
    },
    shared.events,
  );
  return {
    model: predictor.model,
    workers: predictor.workers,
    died: predictor.died,
    waitingMs: predictor.waitingMs,
    ...createSteps(config, predictor, shared),
    close: predictor.close,
  };
}

/**
 * The function that brings a post's text to the form the configured model reads.
 *
 * @throws ConfigurationError when there is no bundle
 */
export function createPostCleaner({ model }: Config): (text: string) => string {
  const { manifest, lines } = readBundle(model.path);
  return createTextCleaner(lines(manifest.text.words));
}

function createSteps(
  { format, noise, images, output }: Config,
  { model, analyzeImage, readText, predict }: Predictor,
  { events, fetcher, screen }: SharedParts,
): Pick<LoadedModel, 'steps' | 'loneSteps'> {
  const { name, version, cleaning, imageGeometry } = model;
  const cleanText = createTextCleaner(cleaning.words);
  const decoder = createImageDecoder({ ...imageGeometry, ...images });
  const { timed } = events;
  const imagesLoader = (cacheBytes: number) =>
    createImagesLoader(
      createImageCache({
        cacheBytes,
        features: imageGeometry.features,
        cacheMs: images.cacheMs,
        fetchImage: timed('fetch_image', (ref) => fetcher.fetch(ref)),
        decodeImage: timed('decode_image', decoder.decode),
        observer: events.imageCache,
      }),
    );
  const steps: Steps = {
    decodeRecord: createRecordDecoder({ format, skip: noise.skip, screen, cleanText }),
    loadImages: imagesLoader(images.cacheBytes),
    analyzeImage: timed(
      'look_at_image',
      createImageAnalyzer({ analyzeImage, readText: timed('read_text', readText) }),
    ),
    predictKeyphrases: timed(
      'predict_keyphrases',
      createKeyphrasePredictor({ model: { name, version }, ...output, cleanText, predict }),
    ),
  };
  const everyPost = createScreen({ ...noise, duplicateWindow: 0 });
  const decodeAlone = createRecordDecoder({ format: 'plain', skip: [], screen: everyPost, cleanText });
  return { steps, loneSteps: { ...steps, decodeRecord: decodeAlone, loadImages: imagesLoader(0) } };
}
