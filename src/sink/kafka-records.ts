import type { Message } from 'kafkajs';
import type { DeadLetter, Outcome } from '../domain/outcome.js';
import { toDeadLetterMessage } from './dead-letter.js';
import { murmur2 } from './murmur2.js';

/** A topic with the number of its partitions. */
export interface Destination {
  readonly topic: string;
  readonly partitions: number;
}

/** A record with its place. The partition is always given: kafkajs would move one without a key on each attempt. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

/** The partition of a key, as Java's default partitioner has it. */
const partitionOf = (key: Buffer, { partitions }: Destination): number =>
  (murmur2(key) & 0x7fffffff) % partitions;

/** The record that an outcome goes out as, if it does. `maxBytes` bounds dead letters; results are small. */
export function toRecords(
  outcome: Outcome,
  output: Destination,
  deadLetters: Destination,
  maxBytes: number,
): readonly OutgoingRecord[] {
  switch (outcome.kind) {
    case 'tagged':
      return [toOutput(outcome.result.id, Buffer.from(JSON.stringify(outcome.result)), output)];
    case 'tombstone':
      return [toOutput(outcome.id, null, output)];
    case 'dead-letter':
      return [toDeadLetter(outcome, deadLetters, maxBytes)];
    case 'skipped':
      return [];
  }
}

function toOutput(id: string, value: Buffer | null, output: Destination): OutgoingRecord {
  const key = Buffer.from(id);
  const message = { key, value, headers: value === null ? {} : { 'content-type': 'application/json' } };
  return { topic: output.topic, partition: partitionOf(key, output), message };
}

/** A record without a key goes where it came from, as far as there are as many partitions. */
function toDeadLetter(deadLetter: DeadLetter, deadLetters: Destination, maxBytes: number): OutgoingRecord {
  const { key, position } = deadLetter.raw;
  return {
    topic: deadLetters.topic,
    partition: key === null ? position.partition % deadLetters.partitions : partitionOf(key, deadLetters),
    message: toDeadLetterMessage(deadLetter, maxBytes),
  };
}
