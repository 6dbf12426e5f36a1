import type { VisualEntity } from '../domain/entity.js';
import type { Keyphrase } from '../domain/keyphrase.js';
import type { ModelVersion } from '../domain/model-version.js';
import type { DeadLetter, ImageUse, Outcome, Skipped, Tagged } from '../domain/outcome.js';

/** The longest text that is remembered and sent to the page, in UTF-16 units. Longer ones are cut there. */
export const maxShownText = 1_000;

/** A record whose outcome is out. */
export interface FinishedPost {
  readonly outcome: Outcome;
  /** The record's timestamp, in milliseconds since the epoch. */
  readonly timestamp: number;
}

/** A part of a text that a keyphrase covers, in UTF-16 units; `end` is exclusive. */
export interface Mark {
  readonly start: number;
  readonly end: number;
}

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

interface ViewOf<K extends Outcome['kind']> {
  readonly kind: K;
  /** Counts the posts since the start, from 1; 0 of one that a visitor typed. */
  readonly key: number;
  /** There where a visitor typed it: it is no post of the stream, so its position can't be looked up. */
  readonly typed?: true;
  /** When the outcome was out, in ISO 8601. */
  readonly at: string;
  /** From the record's timestamp to its outcome being out. */
  readonly seconds: number;
  readonly position: Place;
}

export interface TaggedView extends ViewOf<'tagged'> {
  readonly id: string;
  readonly text: string;
  /** Where the keyphrases stand in `text`: in order, none overlapping another. */
  readonly marks: readonly Mark[];
  readonly keyphrases: readonly Keyphrase[];
  readonly entities: readonly VisualEntity[];
  readonly image: ImageUse & {
    /** What exactly kept the image from being used. */
    readonly detail?: string;
    /** Path of its thumbnail, where there is one. */
    readonly photo?: string;
  };
  readonly model: ModelVersion;
}

export interface DeadLetterView extends ViewOf<'dead-letter'> {
  readonly reason: DeadLetter['reason'];
  readonly detail: string;
  /** The beginning of the record's value. */
  readonly excerpt: string;
}

export interface SkippedView extends ViewOf<'skipped'> {
  readonly reason: Skipped['reason'];
}

export interface TombstoneView extends ViewOf<'tombstone'> {
  readonly id: string;
}

/** What the page and `/api/posts` show of a record: small, plain JSON, and nothing of the record's raw bytes but an excerpt. */
export type PostView = TaggedView | DeadLetterView | SkippedView | TombstoneView;

/**
 * Makes the view of a finished post, out at the time `now` (milliseconds since the epoch).
 *
 * @param photo path of its photo's thumbnail; absent where photos are not kept
 */
export function toPostView(
  { outcome, timestamp }: FinishedPost,
  key: number,
  now: number,
  photo?: string,
): PostView {
  const { topic, partition, offset } = outcome.position;
  const common = {
    key,
    at: new Date(now).toISOString(),
    seconds: Math.max(0, now - timestamp) / 1000,
    position: { topic, partition, offset: offset.toString() },
  };
  switch (outcome.kind) {
    case 'tagged':
      return { ...common, kind: 'tagged', ...taggedView(outcome, photo) };
    case 'tombstone':
      return { ...common, kind: 'tombstone', id: outcome.id };
    case 'skipped':
      return { ...common, kind: 'skipped', reason: outcome.reason };
    case 'dead-letter':
      return {
        ...common,
        kind: 'dead-letter',
        reason: outcome.reason,
        detail: outcome.detail,
        excerpt: beginningOf(outcome.raw.value),
      };
  }
}

/**
 * Where keyphrases stand in a text, in order. Of overlapping ones the first to start is kept and, of those that
 * start together, the longest: a text can be marked only once in a place.
 */
export function marksIn(text: string, keyphrases: readonly Keyphrase[]): readonly Mark[] {
  const spans = keyphrases
    .flatMap(({ span }) => (span?.of === 'text' ? [span] : []))
    .filter(({ start, end }) => start < end && end <= text.length)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const marks: Mark[] = [];
  for (const { start, end } of spans) {
    if (start >= (marks.at(-1)?.end ?? 0)) marks.push({ start, end });
  }
  return marks;
}

function taggedView({ post: { post }, image, result }: Tagged, photo: string | undefined) {
  const text = cut(post.text);
  return {
    id: result.id,
    text,
    marks: marksIn(text, result.keyphrases),
    keyphrases: result.keyphrases,
    entities: result.entities,
    image: {
      ...result.image,
      ...(image.kind === 'absent' && image.detail !== undefined ? { detail: image.detail } : {}),
      ...(image.kind === 'decoded' && photo !== undefined ? { photo } : {}),
    },
    model: result.model,
  };
}

/** Cuts a text to the length that is shown, never through a surrogate pair. */
function cut(text: string): string {
  if (text.length <= maxShownText) return text;
  return `${text.slice(0, maxShownText).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The first characters of a value. `stream` leaves out a character that the cut went through. */
function beginningOf(value: Buffer | null): string {
  return value === null ? '' : new TextDecoder().decode(value.subarray(0, 300), { stream: true });
}
