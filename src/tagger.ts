import { createRecordDecoder } from './formats/decode-record.js';
import type { Config } from './config/load.js';
import type { ModelVersion } from './domain/outcome.js';
import { readBundle, verifyBundle, type ModelBundle } from './model/bundle.js';
import { startPredictor, type Predictor } from './serving/predictor.js';
import { packageVersion } from './config/package-version.js';
import type { Steps } from './pipeline.js';
import type { Events } from './telemetry/events.js';
import { createTextCleaner } from './text/clean-text.js';
import { createImageDecoder } from './images/decode-image.js';
import { createImageFetcher, type ImageFetcher } from './images/fetch-image.js';
import { createImageCache } from './images/image-cache.js';
import { createImagesLoader } from './images/load-images.js';
import { createImageAnalyzer } from './images/analyze-image.js';
import { createKeyphrasePredictor } from './serving/predict-keyphrases.js';
import { createScreen } from './text/screen-post.js';

/** The steps from a record to its outcome, with the model behind them: what every command that tags has in common. */
export interface Tagger extends Pick<Predictor, 'provider' | 'note' | 'died' | 'waitingMs'> {
  readonly model: ModelVersion;
  readonly steps: Steps;
  /**
   * The same for posts in tagstream's own format that are no part of the stream: none is a duplicate or skipped, and of
   * their images nothing is kept.
   */
  readonly loneSteps: Steps;
  /** Answers what was asked, then lets go of the model and of all connections. */
  close(): Promise<void>;
}

/**
 * Loads the model and joins it with the transforms.
 *
 * @param imageFolder folder from which posts may name images by path; none may where it is not given
 * @throws ConfigurationError when the bundle or the execution provider can't be used
 */
export async function openTagger(config: Config, events: Events, imageFolder?: string): Promise<Tagger> {
  const { model, inference, batch, output, images } = config;
  const bundle = readBundle(model.path);
  await verifyBundle(bundle);
  const predictor = await startPredictor(
    {
      bundle: model.path,
      without: model.without,
      readText: images.readText,
      ...inference,
      ...batch,
      maxPhrases: output.maxPhrases,
    },
    events,
  );
  const { name, version } = bundle.manifest;
  events.modelLoaded({ name, version }, predictor.provider, predictor.note);
  const fetcher = createImageFetcher({
    ...images,
    userAgent: `tagstream/${packageVersion}`,
    onHostPaused: events.imageHostPaused,
    ...(imageFolder === undefined ? {} : { localFiles: { baseDir: imageFolder } }),
  });
  return {
    provider: predictor.provider,
    note: predictor.note,
    died: predictor.died,
    waitingMs: predictor.waitingMs,
    model: { name, version },
    ...createSteps(config, bundle, predictor, fetcher, events),
    async close() {
      await predictor.close();
      await fetcher.close();
    },
  };
}

/**
 * The function that brings a post's text to the form the configured model reads.
 *
 * @throws ConfigurationError when there is no bundle
 */
export function createPostCleaner({ model }: Config): (text: string) => string {
  return cleanerOf(readBundle(model.path));
}

const cleanerOf = ({ manifest, lines }: ModelBundle) => createTextCleaner(lines(manifest.text.words));

function createSteps(
  { format, noise, images, output }: Config,
  bundle: ModelBundle,
  { analyzeImage: encodeImage, readText, predict }: Predictor,
  fetcher: ImageFetcher,
  events: Events,
): Pick<Tagger, 'steps' | 'loneSteps'> {
  const { image, name, version } = bundle.manifest;
  const cleanText = cleanerOf(bundle);
  const decoder = createImageDecoder({ ...image, ...images });
  const { timed } = events;
  const imagesLoader = (cacheBytes: number) =>
    createImagesLoader(
      createImageCache({
        cacheBytes,
        cacheMs: images.cacheMs,
        fetchImage: timed('fetch_image', (ref) => fetcher.fetch(ref)),
        decodeImage: timed('decode_image', decoder.decode),
        observer: events.imageCache,
      }),
    );
  const steps: Steps = {
    decodeRecord: createRecordDecoder({ format, skip: noise.skip, screen: createScreen(noise), cleanText }),
    loadImages: imagesLoader(images.cacheBytes),
    analyzeImage: timed(
      'look_at_image',
      createImageAnalyzer({ analyzeImage: encodeImage, readText: timed('read_text', readText) }),
    ),
    predictKeyphrases: timed(
      'predict_keyphrases',
      createKeyphrasePredictor({ model: { name, version }, ...output, cleanText, predict }),
    ),
  };
  const screen = createScreen({ ...noise, duplicateWindow: 0 });
  const admitAlone = createRecordDecoder({ format: 'plain', skip: [], screen, cleanText });
  return { steps, loneSteps: { ...steps, decodeRecord: admitAlone, loadImages: imagesLoader(0) } };
}
