import type { ModelPart, ScoredPhrase } from '../domain/keyphrase.js';
import type { VisualEntity } from '../domain/entity.js';

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
}

/** What the model reads of a post. All words are cleaned text. */
export interface ModelInput {
  readonly text: string;
  /** Names of what the image shows, most certain first. */
  readonly entities: readonly string[];
  /** Generic words for the image. */
  readonly attributes: readonly string[];
  readonly imageText: string;
  /** How well image and text belong together, in [0, 1], where it is known. */
  readonly match?: number;
}

export type Request =
  /** Images of `size * size * 3` bytes, 8-bit RGB, rows first. */
  | { readonly kind: 'encode-images'; readonly images: readonly Uint8Array<ArrayBuffer>[] }
  /** At most `limit` phrases come back for each post. */
  | { readonly kind: 'predict'; readonly inputs: readonly ModelInput[]; readonly limit: number };

/** What the image encoder makes of an image. */
export interface ImageEncoding {
  readonly entities: readonly VisualEntity[];
}

/** One entry for each item of the request, in its order. */
export interface Responses {
  readonly 'encode-images': readonly ImageEncoding[];
  readonly predict: readonly (readonly ScoredPhrase[])[];
}

export type ToWorker =
  { readonly type: 'run'; readonly id: number; readonly request: Request } | { readonly type: 'close' };

export type FromWorker =
  /** `note` says why `auto` did not take CUDA. */
  | { readonly type: 'ready'; readonly provider: Provider; readonly note?: string }
  | { readonly type: 'refused'; readonly key: 'inference.provider' | 'model.path'; readonly problem: string }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly response: Responses[Request['kind']];
      readonly seconds: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly problem: string };
