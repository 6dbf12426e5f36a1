import type { EnrichedPost, VisualEntity } from './entity.js';
import type { ImageAbsence } from './image.js';
import type { Keyphrase } from './keyphrase.js';
import type { ConsumedRecord, Position } from './record.js';

/** Which model made a result. */
export interface ModelVersion {
  readonly name: string;
  readonly version: string;
}

/** What became of the post's image. */
export interface ImageUse {
  readonly used: boolean;
  /** Why it was not used; absent where it was. */
  readonly reason?: ImageAbsence;
  /** How well image and text belong together, in [0, 1], where it is known. */
  readonly match?: number;
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
export const rejections = [
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
export type Rejection = (typeof rejections)[number];

/** The reasons that are noise rather than faults: the configuration can have them skipped and counted instead. */
export const noises = ['empty', 'too_long', 'language', 'duplicate'] as const satisfies readonly Rejection[];
export type Noise = (typeof noises)[number];

export interface Tagged {
  readonly kind: 'tagged';
  readonly position: Position;
  /** What was read to make the result. */
  readonly post: EnrichedPost;
  readonly result: TaggedPost;
}

/** The post was deleted: its result is withdrawn downstream. */
export interface Tombstone {
  readonly kind: 'tombstone';
  readonly position: Position;
  readonly id: string;
}

export interface DeadLetter {
  readonly kind: 'dead-letter';
  readonly position: Position;
  readonly code: Rejection;
  /** For people: what is wrong and where. */
  readonly detail: string;
  /** The record as it came. */
  readonly raw: ConsumedRecord;
}

export interface Skipped {
  readonly kind: 'skipped';
  readonly position: Position;
  readonly reason: Noise;
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
