/**
 * kafkajs ends its consumer when a codec fails, and after every restart again: one damaged record batch would stop a
 * partition for good. So in place of such a batch's content a codec can give stand-ins, records without key and value,
 * as many as the batch has, which are known again by the memory that they lie in.
 */
const reasons = new WeakMap<ArrayBufferLike, string>();

/** The head of a record batch in its format 2, the one that begins where the record count ends. */
const headBytes = 61;
const at = { length: 8, magic: 16, lastOffsetDelta: 23, count: 57 } as const;
/** What `length` counts of the head. */
const headBytesInLength = 49;

/** A stand-in takes some hundred bytes in kafkajs: more of them would end the process instead. */
const mostStandIns = 1_000_000;

/**
 * Records to take the place of those that cannot be decompressed.
 *
 * @param content the compressed content of a record batch, as a view into the batch: kafkajs tells codecs nothing else
 * @returns `undefined` where there is no head before the content, or one with too many records
 */
export function standInsFor(content: Buffer, reason: string): Buffer | undefined {
  if (content.byteOffset < headBytes) return undefined;
  const head = Buffer.from(content.buffer, content.byteOffset - headBytes, headBytes);
  const count = head.readInt32BE(at.count);
  const isHead =
    head.readInt8(at.magic) === 2 && head.readInt32BE(at.length) === headBytesInLength + content.length;
  if (!isHead || count > mostStandIns) return undefined;
  const lastOffsetDelta = head.readInt32BE(at.lastOffsetDelta);
  // Of a batch that was compacted the offsets between are not known; with the last one all of it is behind.
  const records = Array.from({ length: count }, (_, index) =>
    standIn(index === count - 1 ? lastOffsetDelta : index),
  );
  // Memory of its own, not of the pool that Node shares among small buffers.
  const bytes = Buffer.from(new ArrayBuffer(records.reduce((sum, { length }) => sum + length, 0)));
  records.reduce((start, record) => start + record.copy(bytes, start), 0);
  reasons.set(bytes.buffer, reason);
  return bytes;
}

/** Why a record's batch could not be decompressed, if the value is a stand-in's. */
export function undecodableReason(value: Buffer | null): string | undefined {
  return value === null ? undefined : reasons.get(value.buffer);
}

/** A record with no key, an empty value and no headers: attributes, time delta, offset delta, the three lengths. */
function standIn(offsetDelta: number): Buffer {
  const body = [0, 0, ...varint(offsetDelta), ...varint(-1), ...varint(0), ...varint(0)];
  return Buffer.from([...varint(body.length), ...body]);
}

/** A 32-bit number in Kafka's zigzag code. */
function varint(number: number): number[] {
  const bytes: number[] = [];
  let rest = ((number << 1) ^ (number >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
