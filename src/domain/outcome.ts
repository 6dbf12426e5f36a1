import type { VisualEntity } from './entity.js';
import type { Box, Image, ImageAbsence } from './image.js';
import type { Keyphrase } from './keyphrase.js';
import type { ModelVersion } from './model-version.js';
import type { CleanPost } from './post.js';
import type { ConsumedRecord, Position } from './record.js';

/** What became of the post's image. */
export interface ImageUse {
  readonly used: boolean;
  /** Why it was not used; absent where it was. */
  readonly reason?: ImageAbsence;
  /**
   * How well image and text belong together, in [0, 1]. Absent where nothing is known of it, as of photos unlike those of
   * the training.
   */
  readonly match?: number;
  /** Which of the post's images it is, from 0, where several were looked at. */
  readonly number?: number;
  /** The text that was read in it; absent where there is none, where none was read, and where the post gave it. */
  readonly text?: string;
  /** How much each region of the photo counted, where the photo was looked at. */
  readonly regions?: RegionWeights;
}

/** A grid of weights over a photo, rows first; they sum to 1. */
export interface RegionWeights {
  readonly rows: number;
  readonly columns: number;
  readonly weights: readonly number[];
  /** The part of the photo that the grid lies over. */
  readonly box: Box;
}

/** What became of the image, in one word: `used`, or why not. */
export function imageOutcome({ used, reason = 'none' }: ImageUse): ImageAbsence | 'used' {
  return used ? 'used' : reason;
}

/** A result, as it goes out: the value of a record of the output topic. */
export interface TaggedPost {
  readonly id: string;
  /** Best first. */
  readonly keyphrases: readonly Keyphrase[];
  readonly image: ImageUse;
  readonly entities: readonly VisualEntity[];
  readonly model: ModelVersion;
}

/** Why a record could not be read, is nothing to tag, or has no result that fits: the closed list of the dead letters' `tagstream-reason`. */
export const reasons = [
  'not_json',
  'invalid_post',
  'unsupported_format',
  'empty',
  'too_long',
  'language',
  'duplicate',
  'result_too_large',
  'undecodable_batch',
] as const;
export type Reason = (typeof reasons)[number];

/** The reasons that are noise rather than faults: the configuration can have them skipped and counted instead. */
export const noiseReasons = [
  'empty',
  'too_long',
  'language',
  'duplicate',
] as const satisfies readonly Reason[];
export type NoiseReason = (typeof noiseReasons)[number];

/** Why a post has nothing to tag, and the same in words. */
export interface NoiseFound {
  readonly reason: NoiseReason;
  readonly detail: string;
}

/** W3C trace context as headers, to hand on with what comes of a record; absent where nothing is traced. */
export type TraceHeaders = Readonly<Record<string, string>>;

export interface Tagged {
  readonly kind: 'tagged';
  readonly position: Position;
  readonly post: CleanPost;
  /** The image that the result is about. */
  readonly image: Image;
  readonly result: TaggedPost;
  readonly trace?: TraceHeaders;
}

/** The post was deleted: its result is withdrawn downstream. */
export interface Tombstone {
  readonly kind: 'tombstone';
  readonly position: Position;
  readonly id: string;
  readonly trace?: TraceHeaders;
}

export interface DeadLetter {
  readonly kind: 'dead-letter';
  readonly position: Position;
  readonly reason: Reason;
  /** For people: what is wrong and where. */
  readonly detail: string;
  /** The record as it came. */
  readonly raw: ConsumedRecord;
}

export interface Skipped {
  readonly kind: 'skipped';
  readonly position: Position;
  readonly reason: NoiseReason;
}

/** What became of one record: each has exactly one. */
export type Outcome = Tagged | Tombstone | DeadLetter | Skipped;

/** The outcomes of one consumed batch, in its order. */
export interface ResultBatch {
  readonly topic: string;
  readonly partition: number;
  /** The consumed batch's own. */
  readonly generation: number;
  readonly outcomes: readonly Outcome[];
  /** The first offset the outcomes stand for. */
  readonly firstOffset: bigint;
  /** The offset to go on from once these outcomes are out. */
  readonly nextOffset: bigint;
}
