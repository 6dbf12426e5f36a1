import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { murmur2 } from '../../src/kafka/partitioner.js';

/** From `UtilsTest.testMurmur2` of Kafka's Java client. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('The hash of "%s" is Java’s', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

test('It agrees with kafkajs on keys of every length', () => {
  const partitionOf = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 1_009 }, (_, partitionId) => ({
    ...{ partitionErrorCode: 0, partitionId, leader: 1 },
    ...{ replicas: [], isr: [] },
  }));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const key = Buffer.from(bytes);
      const theirs = partitionOf({ topic: 'keyphrases', partitionMetadata, message: { key, value: null } });
      expect((murmur2(key) & 0x7fffffff) % partitionMetadata.length).toBe(theirs);
    }),
  );
});
