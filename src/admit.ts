import type { DeadLetter, Noise, Outcome, Rejection, Skipped } from './domain/outcome.js';
import type { CleanPost } from './domain/post.js';
import type { ConsumedRecord, Envelope } from './domain/record.js';
import { readPost, type Format } from './formats/detect.js';
import type { NoiseFound, Screen } from './transform/screen-post.js';

export interface AdmissionOptions {
  readonly format: Format;
  /** Noise that is skipped and counted instead of dead-lettered. */
  readonly skip: readonly Noise[];
  readonly screen: Screen;
  cleanText(text: string): string;
}

/** The first step of a record's way: bytes to a clean post, or to the outcome of a record that has nothing to tag. */
export function createAdmission(
  options: AdmissionOptions,
): (record: ConsumedRecord) => Envelope<CleanPost> | Outcome {
  const { format, skip, screen, cleanText } = options;

  return (record) => {
    const { position, unread } = record;
    if (unread !== undefined) return deadLetter(record, unread.code, unread.detail);
    const read = readPost(record, format);
    if (read.kind === 'tombstone') return { kind: 'tombstone', position, id: read.id };
    if (read.kind === 'rejected') return deadLetter(record, read.code, read.detail);
    const { post } = read;
    const tooLong = screen.checkLength(post);
    if (tooLong !== undefined) return noise(record, tooLong);
    const clean = cleanText(post.text);
    const found = screen.check(post, clean, position);
    return found === undefined ? { position, value: { post, cleanText: clean } } : noise(record, found);
  };

  function noise(record: ConsumedRecord, { noise: reason, detail }: NoiseFound): DeadLetter | Skipped {
    if (skip.includes(reason)) return { kind: 'skipped', position: record.position, reason };
    return deadLetter(record, reason, detail);
  }
}

function deadLetter(raw: ConsumedRecord, code: Rejection, detail: string): DeadLetter {
  return { kind: 'dead-letter', position: raw.position, code, detail, raw };
}
