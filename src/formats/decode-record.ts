import type { DeadLetter, NoiseReason, NoiseFound, Outcome, Reason, Skipped } from '../domain/outcome.js';
import type { CleanPost, Post } from '../domain/post.js';
import type { ConsumedRecord, Envelope, Position } from '../domain/record.js';
import { readPost, type Format } from './detect.js';

export interface RecordDecoderOptions {
  readonly format: Format;
  /** Noise that is skipped and counted instead of dead-lettered. */
  readonly skip: readonly NoiseReason[];
  /** Finds posts that have nothing to tag, in the order in which they come. */
  readonly screen: {
    /** Asked before the text is cleaned, which takes time. */
    checkLength(post: Post): NoiseFound | undefined;
    check(post: Post, cleanText: string, position: Position): NoiseFound | undefined;
  };
  cleanText(text: string): string;
}

/** The first step of a record's way: bytes to a clean post, or to the outcome of a record that has nothing to tag. */
export function createRecordDecoder(
  options: RecordDecoderOptions,
): (record: ConsumedRecord) => Envelope<CleanPost> | Outcome {
  const { format, skip, screen, cleanText } = options;

  return (record) => {
    const { position, unread } = record;
    if (unread !== undefined) return deadLetter(record, unread.reason, unread.detail);
    const read = readPost(record, format);
    if (read.kind === 'tombstone') return { kind: 'tombstone', position, id: read.id };
    if (read.kind === 'rejected') return deadLetter(record, read.reason, read.detail);
    const { post } = read;
    const tooLong = screen.checkLength(post);
    if (tooLong !== undefined) return noise(record, tooLong);
    const clean = cleanText(post.text);
    const found = screen.check(post, clean, position);
    return found === undefined ? { position, value: { post, cleanText: clean } } : noise(record, found);
  };

  function noise(record: ConsumedRecord, { reason, detail }: NoiseFound): DeadLetter | Skipped {
    if (skip.includes(reason)) return { kind: 'skipped', position: record.position, reason };
    return deadLetter(record, reason, detail);
  }
}

function deadLetter(raw: ConsumedRecord, reason: Reason, detail: string): DeadLetter {
  return { kind: 'dead-letter', position: raw.position, reason, detail, raw };
}
