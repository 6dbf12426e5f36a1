import { Partitioners, type Message, type PartitionMetadata } from 'kafkajs';
import type { DeadLetter, Outcome } from '../domain/outcome.js';
import { toDeadLetterMessage } from './dead-letter.js';

/** A topic with its partitions, as the brokers describe them. */
export interface Destination {
  readonly topic: string;
  readonly partitions: readonly PartitionMetadata[];
}

/** A record with its place. The partition is always given: kafkajs would move one without a key on each attempt. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

const murmur2Partitioner = Partitioners.DefaultPartitioner();

/** The partition of a key, as Java's default partitioner has it. */
export function partitionOf(key: Buffer, { topic, partitions }: Destination): number {
  return murmur2Partitioner({ topic, partitionMetadata: [...partitions], message: { key, value: null } });
}

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
    partition:
      key === null ? position.partition % deadLetters.partitions.length : partitionOf(key, deadLetters),
    message: toDeadLetterMessage(deadLetter, maxBytes),
  };
}
