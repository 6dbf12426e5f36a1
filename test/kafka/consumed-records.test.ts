import fc from 'fast-check';
import type { Batch, KafkaMessage } from 'kafkajs';
import { expect, test } from 'vitest';
import { chunksOf } from '../../src/kafka/consumed-records.js';

/** A fetch as kafkajs hands it out: records at these offsets, and control records up to `last`. */
const fetchOf = (offsets: readonly bigint[], last: bigint): Batch => ({
  ...{ topic: 'posts', partition: 3, highWatermark: String(last + 1n) },
  messages: offsets.map(
    (offset) => ({ offset: String(offset), key: null, value: null, timestamp: '0' }) as KafkaMessage,
  ),
  ...{
    isEmpty: () => offsets.length === 0,
    firstOffset: () => String(offsets[0]),
    lastOffset: () => String(last),
  },
  ...{ offsetLag: () => '0', offsetLagLow: () => '0' },
});

const fetches = fc.record({
  offsets: fc.uniqueArray(fc.bigInt(0n, 200n), { minLength: 1, maxLength: 60 }),
  control: fc.bigInt(0n, 5n),
  place: fc.bigInt(0n, 210n),
  size: fc.integer({ min: 1, max: 20 }),
});

test('Chunks cover every offset from the place on once, and hand out each record there once', () => {
  fc.assert(
    fc.property(fetches, ({ offsets, control, place, size }) => {
      const ascending = offsets.toSorted((a, b) => (a < b ? -1 : 1));
      const last = ascending.at(-1)! + control;

      const chunks = [...chunksOf(fetchOf(ascending, last), 7, place, size)];

      const records = chunks.flatMap((chunk) => chunk.records.map(({ position }) => position.offset));
      expect(records).toEqual(ascending.filter((offset) => offset >= place));
      chunks.forEach(({ firstOffset, generation }, index) => {
        expect(firstOffset).toBe(index === 0 ? place : chunks[index - 1]!.lastOffset + 1n);
        expect(generation).toBe(7);
      });
      expect(chunks.every((chunk) => chunk.records.length <= size)).toBe(true);
      if (chunks.length > 0) expect(chunks.at(-1)!.lastOffset).toBe(last);
    }),
  );
});
