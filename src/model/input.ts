import type { ModelVersion } from '../domain/model-version.js';
import type { PhotoUse } from '../domain/image.js';
import type { ScoredPhrase } from '../domain/keyphrase.js';

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
  /** The model that analyzed it, where that is told. */
  readonly model?: ModelVersion;
}

/** What the model makes of a post. */
export interface Prediction {
  /** Best first. */
  readonly phrases: readonly ScoredPhrase[];
  /** What became of the photo that belongs to the text best, where there is any. */
  readonly photo?: PhotoUse;
}
