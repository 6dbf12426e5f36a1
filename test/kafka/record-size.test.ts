import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordBytes, withinBytes } from '../../src/kafka/record-size.js';

const records = fc.array(
  fc.record({
    message: fc.record({ value: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) }),
  }),
);

test('Runs hold all records in their order, and none is larger than allowed unless it is a single record', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 100, max: 5_000 }), (all, maxBytes) => {
      const runs = [...withinBytes(all, maxBytes)];

      expect(runs.flat()).toEqual(all);
      for (const run of runs) {
        expect(run.length).toBeGreaterThan(0);
        const bytes = run.reduce((sum, { message }) => sum + recordBytes(message), 0);
        expect(run.length === 1 || bytes <= maxBytes).toBe(true);
      }
    }),
  );
});

test('Keys, values and headers count with all their bytes', () => {
  const bare = recordBytes({ key: null, value: null });

  expect(recordBytes({ key: Buffer.alloc(1_000), value: null }) - bare).toBeGreaterThanOrEqual(1_000);
  expect(recordBytes({ key: null, value: Buffer.alloc(1_000) }) - bare).toBeGreaterThanOrEqual(1_000);
  expect(
    recordBytes({ value: null, headers: { ä: [Buffer.alloc(500), 'ü'.repeat(250)] } }) - bare,
  ).toBeGreaterThan(1_004);
});
