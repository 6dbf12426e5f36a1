import type { Message } from 'kafkajs';
import type { TopicPartitions } from './topics.js';

/** A record with where it goes. The partition is always given: kafkajs would move one without a key on each attempt. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

/** The partition of a key, as Java's default partitioner has it. */
export const partitionOf = (key: Buffer, { partitions }: TopicPartitions): number =>
  (murmur2(key) & 0x7fffffff) % partitions;

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/**
 * Kafka's hash of a key, as `Utils.murmur2` of its Java client has it, in 32 bits with a sign.
 *
 * kafkajs has it too, but multiplies into ever longer integers: a key of a megabyte takes it a minute.
 */
export function murmur2(data: Buffer): number {
  let hash = seed ^ data.length;
  const whole = data.length - (data.length % 4);
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(data.readInt32LE(at), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (whole < data.length) {
    hash = Math.imul(hash ^ data.readUIntLE(whole, data.length - whole), multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
