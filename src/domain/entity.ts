import type { Box, Image } from './image.js';
import type { CleanPost } from './post.js';

/** The name of something an image shows. Entities given by an upstream service may be a label alone. */
export interface VisualEntity {
  readonly label: string;
  /** Probability in [0, 1]. */
  readonly score?: number;
  /** Where in the photo it is. */
  readonly box?: Box;
}

/** What is known of a photo before its text is read. */
export interface Sight {
  readonly entities: readonly VisualEntity[];
  /** What the image encoder makes of the photo's regions, `[regions, features]`; absent where no photo was looked at. */
  readonly regions?: Float32Array<ArrayBuffer>;
}

/** A post with everything the model reads beside its text. */
export interface EnrichedPost extends CleanPost, Sight {
  readonly image: Image;
  /** Text in the image; empty where there is none. */
  readonly imageText: string;
}
