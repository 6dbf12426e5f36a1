import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { FencedError, OffsetMismatchError } from '../../src/domain/errors.js';
import type { ResultBatch } from '../../src/domain/outcome.js';
import type { Sink } from '../../src/domain/transport.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';
import { decide, kafkaTransport, type KafkaTransport } from '../support/transport.js';

describeWithKafka('Exactly-once delivery', (broker) => {
  const opened = () => kafkaTransport(broker, 1, {}, 'exactly-once');

  test('commits the offset to go on from together with the results', async () => {
    const transport = await opened();
    const sink = transport.sink();

    await sink.write(batchOf(transport, 0n, 3));
    expect(await committed(broker, transport)).toBe('3');
    await sink.write(batchOf(transport, 3n, 2));
    await sink.close();

    expect(await committed(broker, transport)).toBe('5');
    expect(await transport.resultIds()).toEqual(['post-0', 'post-1', 'post-2', 'post-3', 'post-4']);
  });

  test('commits the offset of a batch of which nothing goes out', async () => {
    const transport = await opened();
    const sink = transport.sink();
    const batch = batchOf(transport, 0n, 2);
    const outcomes = batch.outcomes.map(({ position }) => ({
      ...({ kind: 'skipped', position, reason: 'empty' } as const),
    }));

    await sink.write({ ...batch, outcomes });
    await sink.close();

    expect(await committed(broker, transport)).toBe('2');
    expect(await broker.consoleConsumer(transport.outputTopic)).toEqual([]);
  });

  test('refuses a batch that is out already, and one that would leave some behind', async () => {
    const transport = await opened();
    await written(transport.sink(), batchOf(transport, 0n, 3));
    const sink = transport.sink();

    for (const first of [0n, 2n, 5n]) {
      const refused = sink.write(batchOf(transport, first, 2));
      await expect(refused).rejects.toThrow(OffsetMismatchError);
      await expect(refused).rejects.toMatchObject({ nextOffset: 3n });
    }
    await sink.write(batchOf(transport, 3n, 1));
    await sink.close();

    expect(await transport.resultIds()).toEqual(['post-0', 'post-1', 'post-2', 'post-3']);
  });

  test('shuts out whoever wrote for the partition before, and tells that one to leave', async () => {
    const transport = await opened();
    const [before, after] = [transport.sink(), transport.sink()];
    await before.write(batchOf(transport, 0n, 2));
    await after.write(batchOf(transport, 2n, 2));

    await expect(before.write(batchOf(transport, 2n, 2))).rejects.toThrow(FencedError);
    await after.write(batchOf(transport, 4n, 1));
    await before.close();
    await after.close();

    expect(await transport.resultIds()).toEqual(['post-0', 'post-1', 'post-2', 'post-3', 'post-4']);
  });

  test('claims a partition anew when it was assigned anew, though another has written meanwhile', async () => {
    const transport = await opened();
    const sink = transport.sink();
    await sink.write(batchOf(transport, 0n, 2));
    await written(transport.sink(), batchOf(transport, 2n, 2));

    await sink.write({ ...batchOf(transport, 4n, 1), generation: 2 });
    await sink.close();

    expect(await transport.resultIds()).toEqual(['post-0', 'post-1', 'post-2', 'post-3', 'post-4']);
  });

  test('leaves nothing of a batch that the broker refuses, and no reader waits for it', async () => {
    const transport = await opened();
    const outputTopic = await broker.createTopic('tight', { configs: { 'max.message.bytes': '20000' } });
    const sink = transport.sink({ outputTopic });
    const heavy = { ...decide(recordAt(transport, 0n, randomBytes(30_000).toString('base64'))) };

    const outcomes = [...batchOf(transport, 0n, 2).outcomes, heavy];
    await expect(sink.write({ ...batchOf(transport, 0n, 3), outcomes })).rejects.toThrow(
      /larger than the max/,
    );
    await sink.write(batchOf(transport, 0n, 2));
    await sink.close();

    const ids = (await broker.consoleConsumer(outputTopic)).map(({ key }) => String(key));
    expect(ids).toEqual(['post-0', 'post-1']);
    expect(await committed(broker, transport)).toBe('2');
  });
});

async function written(sink: Sink, batch: ResultBatch): Promise<void> {
  await sink.write(batch);
  await sink.close();
}

function batchOf({ inputTopic: topic }: KafkaTransport, firstOffset: bigint, count: number): ResultBatch {
  const offsets = Array.from({ length: count }, (_, index) => firstOffset + BigInt(index));
  return {
    ...{ topic, partition: 0, generation: 1, firstOffset, nextOffset: firstOffset + BigInt(count) },
    outcomes: offsets.map((offset) => decide(recordAt({ inputTopic: topic }, offset, `post-${offset}`))),
  };
}

const recordAt = ({ inputTopic: topic }: Pick<KafkaTransport, 'inputTopic'>, offset: bigint, id: string) => ({
  ...{ position: { topic, partition: 0, offset }, key: null, value: Buffer.from(id) },
  ...{ headers: {}, timestamp: 0 },
});

async function committed(
  broker: Broker,
  { groupId, inputTopic }: KafkaTransport,
): Promise<string | undefined> {
  const [offsets] = await broker.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [inputTopic] }));
  return offsets?.partitions[0]?.offset;
}
