import type { ImageAnalysis } from '../domain/entity.js';
import { ConfigurationError } from '../domain/errors.js';
import type { Raster } from '../domain/image.js';
import type { ModelPart } from '../domain/keyphrase.js';
import type { ModelVersion } from '../domain/model-version.js';
import type { Provider } from '../domain/provider.js';
import { findCudaProblem } from '../onnx/cuda-libraries.js';
import { openSession, ProviderUnavailableError, type NativeCall, type Session } from '../onnx/session.js';
import { readBundle, verifyBundle, type Manifest, type ModelBundle } from './bundle.js';
import { checkGoldenSet } from './golden.js';
import { createImageModel, type ImageModel } from './image/image-model.js';
import type { ModelInput, Prediction } from './input.js';
import {
  createKeyphraseModel,
  type KeyphraseModel,
  type KeyphraseSessions,
} from './keyphrase/keyphrase-model.js';
import { openOcr, OcrMissingError, type Ocr } from './ocr/ocr.js';

/** What is known of a model without asking it anything: what brings posts and photos to the form that it reads. */
export interface ModelDescription extends ModelVersion {
  readonly provider: Provider;
  /** Why `auto` did not take CUDA. */
  readonly note?: string;
  readonly cleaning: {
    /** The words that hashtags are split into, most frequent first. */
    readonly words: readonly string[];
  };
  /** Tokens that it reads of a post at most. */
  readonly maxTokens: number;
  readonly imageGeometry: {
    /** In pixels: the shorter side of a photo is scaled to this, then the centre `size` x `size` is cut out. */
    readonly resize: number;
    readonly size: number;
    /** Numbers that describe a region of an analyzed photo. */
    readonly features: number;
  };
}

/** A loaded model. Nothing else knows anything of its bundle. */
export interface Model extends ModelDescription {
  /**
   * Names what images show, and describes their regions. The analyses are for this model alone.
   *
   * @param images each `size * size * 3` bytes, 8-bit RGB, rows first
   * @throws RangeError when an image has another size
   */
  analyzeImages(images: readonly Uint8Array[]): Promise<readonly ImageAnalysis[]>;
  /**
   * The text that images show, `''` where there is none.
   *
   * @throws Error where the model was not opened with `readText`
   */
  readText(images: readonly Raster[]): Promise<readonly string[]>;
  /**
   * For each post its keyphrases, best first and at most `limit`.
   *
   * @throws Error where a photo was analyzed by another model
   */
  predict(posts: readonly ModelInput[], limit: number): Promise<readonly Prediction[]>;
  close(): Promise<void>;
}

export interface ModelOptions {
  /** Folder of the bundle. */
  readonly bundle: string;
  /** `auto` is CUDA where it loads, else the CPU. */
  readonly provider: Provider | 'auto';
  /** Threads that one run may use; 0: as many as there are cores. */
  readonly threads: number;
  /** Parts that are left out, for an ablation. */
  readonly without: readonly ModelPart[];
  /** Whether the models that read text in images are opened too. */
  readonly readText: boolean;
}

/**
 * Items that go through a model together. On a CPU four posts keep a core as busy as sixteen and need less padding, and
 * sixteen photos take 165 MB more than four. A GPU is quicker with many at once than they are slower by their padding.
 */
const bucketSizes = {
  cpu: { encoder: 4, decoder: 8, image: 4 },
  cuda: { encoder: 256, decoder: 256, image: 256 },
} as const;

/**
 * Opens the model of a bundle: verifies the SHA-256 of every file, runs it once, since the first run of a session
 * allocates its buffers, and has it tag the bundle's golden set.
 *
 * @param during wraps each call of ONNX Runtime
 * @throws ConfigurationError when the bundle, the provider or the models that read text can't be used
 */
export async function openModel(options: ModelOptions, during: NativeCall): Promise<Model> {
  try {
    const bundle = readBundle(options.bundle);
    await verifyBundle(bundle);
    return await openOnProvider(bundle, options, during);
  } catch (error) {
    throw await refusal(options, error);
  }
}

/** The model on the provider that was asked for; `note` says why `auto` did not take CUDA. */
async function openOnProvider(
  bundle: ModelBundle,
  options: ModelOptions,
  during: NativeCall,
): Promise<Model> {
  if (options.provider !== 'auto') return openOn(options.provider, bundle, options, during);
  try {
    return await openOn('cuda', bundle, options, during);
  } catch (error) {
    // What is wrong with the bundle is wrong on the CPU too, and told of then.
    const note = error instanceof Error ? error.message : String(error);
    return { ...(await openOn('cpu', bundle, options, during)), note };
  }
}

async function openOn(
  provider: Provider,
  bundle: ModelBundle,
  { threads, without, readText }: ModelOptions,
  during: NativeCall,
): Promise<Model> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const session of opened.splice(0)) await session.close();
  };
  const open = async (file: string, on: Provider = provider): Promise<Session> => {
    const session = await openSession(bundle.path(file), { provider: on, threads, during });
    opened.push(session);
    return session;
  };
  try {
    const { name, version, text, knn, decoder, ranker, image, fusion } = bundle.manifest;
    const sessions: KeyphraseSessions = {
      // The products of integers have no CUDA kernel.
      text: await open(provider === 'cuda' ? text.floatModel : text.model),
      search: await open(knn.search),
      decoder: await open(decoder.model),
      // Trees have no CUDA kernel.
      ranker: await open(ranker.model, 'cpu'),
      fusion: await open(fusion.model),
    };
    const buckets = bucketSizes[provider];
    const analyze = createImageModel(bundle, await open(image.model), buckets.image);
    const predict = createKeyphraseModel(bundle, sessions, buckets, without);
    const ocr = readText ? await openOcr(provider, threads, during) : undefined;
    if (ocr !== undefined) opened.push(ocr);
    await warmUp(bundle.manifest, analyze, predict);
    // An ablation tags otherwise on purpose.
    if (without.length === 0) await checkGoldenSet(bundle, predict);
    const own = { name, version };
    return {
      ...own,
      provider,
      cleaning: { words: bundle.lines(text.words) },
      maxTokens: sum(Object.values(text.limits)) + Object.keys(text.limits).length + 1,
      imageGeometry: { resize: image.resize, size: image.size, features: image.features },
      analyzeImages: async (images) =>
        (await analyze(images)).map((analysis) => ({ ...analysis, model: own })),
      readText: (images) => readAll(ocr, images),
      predict(posts, limit) {
        expectOwn(own, posts);
        return predict(posts, limit);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function warmUp({ image }: Manifest, analyze: ImageModel, predict: KeyphraseModel): Promise<void> {
  const [photo] = await analyze([new Uint8Array(image.size ** 2 * 3)]);
  const words = { text: 'warm', entities: [], attributes: [], imageText: '' };
  await predict(
    [photo === undefined ? words : { ...words, photos: [{ entities: [], regions: photo.regions }] }],
    1,
  );
}

/** An analysis is numbers that mean something to the model alone that made it. */
function expectOwn(own: ModelVersion, posts: readonly ModelInput[]): void {
  for (const { model } of posts.flatMap(({ photos = [] }) => photos)) {
    if (model === undefined || (model.name === own.name && model.version === own.version)) continue;
    throw new Error(
      `a photo was analyzed by ${model.name} ${model.version}, and is to be read by ${own.name} ${own.version}`,
    );
  }
}

async function readAll(ocr: Ocr | undefined, images: readonly Raster[]): Promise<readonly string[]> {
  if (ocr === undefined) throw new Error('the models that read text in images were not asked for');
  const texts: string[] = [];
  for (const image of images) texts.push(await ocr.read(image));
  return texts;
}

/** What is wrong with a setting, as far as what failed tells. */
async function refusal({ bundle }: ModelOptions, error: unknown): Promise<ConfigurationError> {
  if (error instanceof ConfigurationError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProviderUnavailableError) {
    // ONNX Runtime says only that something could not be loaded.
    const lacking = await findCudaProblem();
    const cause = lacking === undefined ? message : `CUDA cannot be loaded: ${lacking}`;
    const problem = `${cause}. README, “GPU”, has what CUDA needs; or set auto or cpu`;
    return new ConfigurationError([{ key: 'inference.provider', problem }]);
  }
  if (error instanceof OcrMissingError) {
    const problem = `${message}. Install it (npm install --include=optional), or set false`;
    return new ConfigurationError([{ key: 'images.readText', problem }]);
  }
  const problem = `the models in ${bundle} can’t be loaded: ${message}`;
  return new ConfigurationError([{ key: 'model.path', problem }]);
}
