import type { Image } from './image.js';
import type { CleanPost } from './post.js';

/** The name of something an image shows. Entities given by an upstream service may be a label alone. */
export interface VisualEntity {
  readonly label: string;
  /** Probability in [0, 1]. */
  readonly score?: number;
  /** Left, top, right, bottom as fractions of the photo. */
  readonly box?: readonly [left: number, top: number, right: number, bottom: number];
}

/** A post with everything the model reads beside its text. */
export interface EnrichedPost extends CleanPost {
  readonly image: Image;
  readonly entities: readonly VisualEntity[];
  /** Text in the image; empty where there is none. */
  readonly imageText: string;
}
