import type { Box, Image } from './image.js';
import type { ModelVersion } from './model-version.js';
import type { CleanPost } from './post.js';

/** The name of something an image shows. Entities given by an upstream service may be a label alone. */
export interface VisualEntity {
  readonly label: string;
  /** Probability in [0, 1]. */
  readonly score?: number;
  /** Where in the photo it is. */
  readonly box?: Box;
}

/** What the image encoder makes of a photo. */
export interface ImageAnalysis {
  readonly entities: readonly VisualEntity[];
  /** What describes the photo's regions, `[regions, features]`. */
  readonly regions: Float32Array<ArrayBuffer>;
  /** The model that made it: no other can read it. */
  readonly model: ModelVersion;
}

/** An image, or the reason there is none, and what is known of it before the text is read. */
export interface AnalyzedImage
  extends Pick<ImageAnalysis, 'entities'>, Partial<Pick<ImageAnalysis, 'regions' | 'model'>> {
  readonly image: Image;
  /** The text that was read in it. */
  readonly imageText?: string;
}

/** A post with everything the model reads beside its text. */
export interface EnrichedPost extends CleanPost {
  /** Of each image that was looked at, and of at least one. */
  readonly analyzedImages: readonly AnalyzedImage[];
}
