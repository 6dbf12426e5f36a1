/** A post, whatever wire format it came in. */

/** An http(s) URL, a `data:` URI or, for the commands that read local files, a path. */
export type ImageRef = string;

/** What an upstream vision service already knows of a post's image. What is given is used and not computed again. */
export interface Enrichment {
  /** Names of what the image shows, most certain first. */
  readonly entities?: readonly string[];
  /** Text that was read in the image. */
  readonly imageText?: string;
  /** Generic words for the image ("dog", "grass"). */
  readonly attributes?: readonly string[];
  /** How well image and text belong together, in [0, 1]. */
  readonly match?: number;
}

/** A post, as its wire format gave it. */
export interface Post {
  readonly id: string;
  /** The text as its author wrote it. */
  readonly text: string;
  readonly images: readonly ImageRef[];
  /** ISO 8601. */
  readonly createdAt?: string;
  /** BCP 47, as the platform gives it. */
  readonly language?: string;
  readonly enrichment?: Enrichment;
}

/** A post with its text as the model was trained to read it. */
export interface CleanPost {
  readonly post: Post;
  readonly cleanText: string;
}
