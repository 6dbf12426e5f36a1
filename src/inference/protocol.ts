import type { ModelPart, ScoredPhrase } from '../domain/keyphrase.js';
import type { ImageEncoding } from '../domain/entity.js';
import type { PhotoUse, Raster } from '../domain/image.js';

/** The messages between the main thread and the inference worker. */

export type Provider = 'cpu' | 'cuda';

/** What a worker is started with. */
export interface WorkerOptions {
  /** Folder of a bundle whose hashes have been verified. */
  readonly bundle: string;
  readonly provider: Provider | 'auto';
  /** Threads one model run may use; 0: as many as there are cores. */
  readonly threads: number;
  /** Parts that are left out, to see what they are worth. */
  readonly without: readonly ModelPart[];
  /** Whether text in images can be read: the models for it are loaded too. */
  readonly readText: boolean;
}

/** What the worker's thread gets at its start. */
export interface WorkerData {
  readonly options: WorkerOptions;
  /** The memory of its `RunGate`. */
  readonly gate: SharedArrayBuffer;
}

/** What the model reads of a post. All words are cleaned text. */
export interface ModelInput {
  readonly text: string;
  /** Names of what the image shows, most certain first, as an upstream service gave them. */
  readonly entities: readonly string[];
  /** Generic words for the image. */
  readonly attributes: readonly string[];
  readonly imageText: string;
  /** How well image and text belong together, in [0, 1], where it is known already. */
  readonly match?: number;
  /** The post's photos. Only the one that belongs to the text best is used, and that one where it belongs enough. */
  readonly photos?: readonly PhotoInput[];
}

/** Something that was found in a photo. */
export interface FoundEntity {
  readonly name: string;
  readonly score: number;
}

/** What the image encoder made of a photo. */
export interface PhotoInput {
  /** What it found, most certain first: names as cleaned text, and probabilities in [0, 1]. */
  readonly entities: readonly FoundEntity[];
  /** Text that was read in it, cleaned: it counts where the photo is used and the post gave no text of its image. */
  readonly imageText?: string;
  readonly regions: Float32Array<ArrayBuffer>;
}

/** What the model makes of a post. */
export interface Prediction {
  /** Best first. */
  readonly phrases: readonly ScoredPhrase[];
  /** What became of the photo that belongs to the text best, where there is any. */
  readonly photo?: PhotoUse;
}

export type Request =
  /** Images of `size * size * 3` bytes, 8-bit RGB, rows first. */
  | { readonly kind: 'encode-images'; readonly images: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly kind: 'read-text'; readonly images: readonly Raster[] }
  /** At most `limit` phrases come back for each post. */
  | { readonly kind: 'predict'; readonly inputs: readonly ModelInput[]; readonly limit: number };

/** One entry for each item of the request, in its order. An image's boxes are fractions of the pixels that were given. */
export interface Responses {
  readonly 'encode-images': readonly ImageEncoding[];
  readonly 'read-text': readonly string[];
  readonly predict: readonly Prediction[];
}

export type ToWorker =
  { readonly type: 'run'; readonly id: number; readonly request: Request } | { readonly type: 'close' };

export type FromWorker =
  /** `note` says why `auto` did not take CUDA. */
  | { readonly type: 'ready'; readonly provider: Provider; readonly note?: string }
  | {
      readonly type: 'refused';
      readonly key: 'inference.provider' | 'model.path' | 'images.readText';
      readonly problem: string;
    }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly response: Responses[Request['kind']];
      readonly seconds: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly problem: string };
