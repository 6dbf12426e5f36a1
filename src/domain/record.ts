/** Where a message came from, and how values keep that place as they travel. */

/** A place in an ordered log: a Kafka record, or a line of a file (topic: its name; partition 0; offset: line number from 0). */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** A dead letter's reason, and for people what was wrong. */
export interface Unread {
  readonly reason: 'invalid_post' | 'undecodable_batch';
  readonly detail: string;
}

/** A message as it arrived, untouched: what a dead letter carries away again. */
export interface ConsumedRecord {
  readonly position: Position;
  readonly key: Buffer | null;
  /** `null` is Kafka's tombstone. */
  readonly value: Buffer | null;
  /** A name that occurs several times has all its values, in their order. */
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
  /** Milliseconds since the epoch, as the log gives it. */
  readonly timestamp: number;
  /** Why the source could not take its content in, where that is so: the value is empty then, and key and headers may be. */
  readonly unread?: Unread;
}

/** Consecutive records of one partition, the unit that is tagged, written and committed together. */
export interface ConsumedBatch {
  readonly topic: string;
  readonly partition: number;
  /** Counts the times that this process was given its partitions: what was known of them before may be out of date. */
  readonly generation: number;
  readonly records: readonly ConsumedRecord[];
  /** The first offset the batch covers; what lies between it and the first record is no record. */
  readonly firstOffset: bigint;
  /** The last offset the batch covers; control records can lie behind its last record. */
  readonly lastOffset: bigint;
}

/** A value together with the place it came from. */
export interface Envelope<T> {
  readonly position: Position;
  readonly value: T;
}
