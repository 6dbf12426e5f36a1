import { createHash } from 'node:crypto';
import type { IHeaders, Message } from 'kafkajs';
import type { DeadLetter } from '../domain/outcome.js';
import type { ConsumedRecord } from '../domain/record.js';
import { recordBytes } from '../kafka/record-size.js';

/** The longest `tagstream-detail`, in UTF-16 units. */
const longestDetail = 1_000;

/** What is left out of a record that is too large, less first. */
const omissions = [['value'], ['value', 'headers'], ['value', 'headers', 'key']] as const;
type Part = (typeof omissions)[2][number];

/**
 * A dead letter carries the record as it came, key, value and headers, and headers that explain it. Where that is more
 * than `maxBytes`, the value is left out, then the record's own headers, then its key, until it fits; for each of them
 * a header with its length and one with its SHA-256 stand (`tagstream-value-bytes`, `tagstream-value-sha256`).
 */
export function toDeadLetterMessage(deadLetter: DeadLetter, maxBytes: number): Message {
  return omissions.reduce(
    (message, omitted) => (recordBytes(message) <= maxBytes ? message : messageWithout(omitted, deadLetter)),
    messageWithout([], deadLetter),
  );
}

function messageWithout(omitted: readonly Part[], deadLetter: DeadLetter): Message {
  const { key, value, headers } = deadLetter.raw;
  return {
    key: omitted.includes('key') ? null : key,
    value: omitted.includes('value') ? null : value,
    headers: {
      ...(omitted.includes('headers') ? {} : withoutTraces(headers)),
      ...explanation(deadLetter),
      ...Object.fromEntries(omitted.flatMap((part) => Object.entries(trace(part, deadLetter.raw)))),
    },
  };
}

/** A record's headers without those that would tell of parts left out: none is, where we leave none out. */
function withoutTraces(headers: ConsumedRecord['headers']): IHeaders {
  const traces = /^tagstream-(?:key|value|headers)-(?:bytes|sha256)$/;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !traces.test(name)));
}

function explanation({ reason: code, detail, raw }: DeadLetter): IHeaders {
  const { topic, partition, offset } = raw.position;
  // The last one counts, as in Java's `lastHeader`.
  const earlierAttempts = Number([raw.headers['tagstream-attempt']].flat().at(-1) ?? 0);
  return {
    'tagstream-reason': code,
    'tagstream-detail': detail.length > longestDetail ? `${detail.slice(0, longestDetail - 1)}…` : detail,
    'tagstream-source-topic': topic,
    'tagstream-source-partition': String(partition),
    'tagstream-source-offset': String(offset),
    'tagstream-source-timestamp': String(raw.timestamp),
    'tagstream-attempt': String(
      (Number.isSafeInteger(earlierAttempts) ? Math.max(0, earlierAttempts) : 0) + 1,
    ),
  };
}

/** What stands for a part that was left out. */
function trace(part: Part, { key, value, headers }: ConsumedRecord): IHeaders {
  const bytes = {
    key,
    value,
    headers: Buffer.concat(
      Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().flatMap((one) => [Buffer.from(name), one]),
      ),
    ),
  }[part];
  if (bytes === null) return {};
  return {
    [`tagstream-${part}-bytes`]: String(bytes.length),
    [`tagstream-${part}-sha256`]: createHash('sha256').update(bytes).digest('hex'),
  };
}
