import type { ImageAnalysis } from '../domain/entity.js';
import type { ConfigurationFault } from '../domain/errors.js';
import type { Raster } from '../domain/image.js';
import type { ModelInput, Prediction } from '../model/input.js';
import type { ModelDescription, ModelOptions } from '../model/model.js';

/** The messages between the main thread and a worker. */

/** What a worker's thread gets at its start. */
export interface WorkerData {
  readonly options: ModelOptions;
  /** Its cell of the exit guard. */
  readonly guard: SharedArrayBuffer;
}

export type Request =
  /** Images of `size * size * 3` bytes, 8-bit RGB, rows first. */
  | { readonly kind: 'analyze-images'; readonly images: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly kind: 'read-text'; readonly images: readonly Raster[] }
  /** At most `limit` phrases come back for each post. */
  | { readonly kind: 'predict'; readonly posts: readonly ModelInput[]; readonly limit: number };

/** One entry for each item of the request, in its order. An image's boxes are fractions of the pixels that were given. */
export interface Responses {
  readonly 'analyze-images': readonly ImageAnalysis[];
  readonly 'read-text': readonly string[];
  readonly predict: readonly Prediction[];
}

export type ToWorker =
  { readonly type: 'run'; readonly id: number; readonly request: Request } | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready'; readonly model: ModelDescription }
  | { readonly type: 'refused'; readonly faults: readonly ConfigurationFault[] }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly response: Responses[Request['kind']];
      readonly seconds: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly problem: string };
