import type { ImageAnalysis } from '../domain/entity.js';
import type { Raster } from '../domain/image.js';
import type { ModelPart } from '../domain/keyphrase.js';
import type { Provider } from '../domain/provider.js';
import type { ModelInput, Prediction } from '../model/input.js';

/** The messages between the main thread and the inference worker. */

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

export type Request =
  /** Images of `size * size * 3` bytes, 8-bit RGB, rows first. */
  | { readonly kind: 'encode-images'; readonly images: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly kind: 'read-text'; readonly images: readonly Raster[] }
  /** At most `limit` phrases come back for each post. */
  | { readonly kind: 'predict'; readonly inputs: readonly ModelInput[]; readonly limit: number };

/** One entry for each item of the request, in its order. An image's boxes are fractions of the pixels that were given. */
export interface Responses {
  readonly 'encode-images': readonly ImageAnalysis[];
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
