import fc from 'fast-check';
import { Kafka, logLevel, type Producer, type Transaction } from 'kafkajs';
import { expect, test } from 'vitest';
import { describeWithKafka } from '../../support/kafka.js';
import { kafkaTransport, runUntil } from '../../support/transport.js';

/** Four zero bytes look like the end of an aborted transaction. */
const keys = [null, Buffer.from('key'), Buffer.alloc(4), Buffer.from([0, 0, 0, 1])];

/** What some producers do, one after the other: one step of one of them. */
const steps = fc.array(
  fc.record({
    producer: fc.nat(2),
    action: fc.oneof(
      { weight: 4, arbitrary: fc.constant('send' as const) },
      { weight: 1, arbitrary: fc.constantFrom('commit' as const, 'abort' as const) },
    ),
    key: fc.constantFrom(...keys),
  }),
  { minLength: 10, maxLength: 60 },
);

describeWithKafka('Transactions of others on the input', (broker) => {
  test(
    'are read as Java’s consumer reads them, however they interleave and end',
    { timeout: 240_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(steps, fc.constantFrom(300, 1_000_000), async (script, fetchBytes) => {
          const transport = await kafkaTransport(broker);
          const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
          const producers = [0, 1, 2].map((id) =>
            kafka.producer({ transactionalId: `${transport.groupId}-${id}`, maxInFlightRequests: 1 }),
          );
          await Promise.all(producers.map((producer) => producer.connect()));
          await play(producers, transport.inputTopic, script);
          await Promise.all(producers.map((producer) => producer.disconnect()));
          const last = [{ value: 'the end' }];
          await transport.feed(last.map(({ value }) => value));

          const read: string[] = [];
          const source = transport.source(7, { fetchBytes });
          await runUntil(source, Infinity, async ({ records }) => {
            read.push(...records.map(({ value }) => String(value)));
            if (read.includes('the end')) void source.stop();
          });

          const oracle = await broker.consoleConsumer(transport.inputTopic, { idleMs: 3_000 });
          expect(read).toEqual(oracle.map(({ value }) => String(value)));
        }),
        // Each try takes seconds, and what failed is told in full.
        { numRuns: 8, endOnFailure: true },
      );
    },
  );
});

async function play(
  producers: readonly Producer[],
  topic: string,
  script: readonly { producer: number; action: 'send' | 'commit' | 'abort'; key: Buffer | null }[],
): Promise<void> {
  const open = new Map<number, Transaction>();
  for (const [index, { producer, action, key }] of script.entries()) {
    const transaction = open.get(producer) ?? (await producers[producer]!.transaction());
    open.set(producer, transaction);
    if (action === 'send') {
      const value = `${index} of ${producer} ${'.'.repeat(100)}`;
      await transaction.send({ topic, messages: [{ key, value, partition: 0 }] });
    } else {
      await transaction[action]();
      open.delete(producer);
    }
  }
  for (const [index, transaction] of [...open.values()].entries())
    await (index % 2 === 0 ? transaction.abort() : transaction.commit());
}
