import type { Message } from 'kafkajs';
import type { TopicPartitions } from '../kafka/topics.js';
import type { DeadLetter, Outcome, Tagged, Tombstone } from '../domain/outcome.js';
import { toDeadLetterMessage } from './dead-letter.js';
import { partitionOf, type OutgoingRecord } from '../kafka/partitioner.js';
import { recordBytes } from '../kafka/record-size.js';

/**
 * The record that an outcome goes out as, if it does. A dead letter is cut to `maxBytes`; a result can't be: one for
 * which `excessBytes` gives a number would be refused by the broker.
 */
export function toRecords(
  outcome: Outcome,
  output: TopicPartitions,
  deadLetters: TopicPartitions,
  maxBytes: number,
): readonly OutgoingRecord[] {
  switch (outcome.kind) {
    case 'tagged':
    case 'tombstone':
      return [toOutput(outcome, output)];
    case 'dead-letter':
      return [toDeadLetter(outcome, deadLetters, maxBytes)];
    case 'skipped':
      return [];
  }
}

/** The bytes of an outcome's record where they are more than `maxBytes` and none can be left out. */
export function excessBytes(outcome: Outcome, maxBytes: number): number | undefined {
  if (outcome.kind !== 'tagged' && outcome.kind !== 'tombstone') return undefined;
  const bytes = recordBytes(toOutputMessage(outcome));
  return bytes > maxBytes ? bytes : undefined;
}

function toOutput(outcome: Tagged | Tombstone, output: TopicPartitions): OutgoingRecord {
  const message = toOutputMessage(outcome);
  return { topic: output.topic, partition: partitionOf(message.key, output), message };
}

function toOutputMessage(outcome: Tagged | Tombstone): Message & { readonly key: Buffer } {
  const { trace = {} } = outcome;
  if (outcome.kind === 'tombstone')
    return { key: Buffer.from(outcome.id), value: null, headers: { ...trace } };
  const { result } = outcome;
  return {
    key: Buffer.from(result.id),
    value: Buffer.from(JSON.stringify(result)),
    headers: { ...trace, 'content-type': 'application/json' },
  };
}

/** A record without a key goes where it came from, as far as there are as many partitions. */
function toDeadLetter(
  deadLetter: DeadLetter,
  deadLetters: TopicPartitions,
  maxBytes: number,
): OutgoingRecord {
  const { key, position } = deadLetter.raw;
  return {
    topic: deadLetters.topic,
    partition: key === null ? position.partition % deadLetters.partitions : partitionOf(key, deadLetters),
    message: toDeadLetterMessage(deadLetter, maxBytes),
  };
}
