import { expect, test } from 'vitest';
import { describeWithKafka } from '../../support/kafka.js';
import { echo, kafkaTransport, runUntil } from '../../support/transport.js';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `post-${index}`);

describeWithKafka('A group whose offset its log does not hold', (broker) => {
  test('stops where the log ends before, and neither reads nor commits anything', async () => {
    const transport = await kafkaTransport(broker, 1, {}, 'exactly-once');
    const { inputTopic: topic, groupId } = transport;
    await transport.feed(ids(20));
    const partitions = [{ partition: 0, offset: '25' }];
    await broker.withAdmin((admin) => admin.setOffsets({ groupId, topic, partitions }));

    const run = transport.source(10).run(() => Promise.reject(new Error('nothing is to be handed out')));

    await expect(run).rejects.toThrow(
      /offset 25 of partition 0, but the log ends before that.*--reset-offsets/s,
    );
    const [offsets] = await broker.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    expect(offsets?.partitions).toMatchObject(partitions);
  });

  test('goes on with the first record that is left, where those before were deleted', async () => {
    const transport = await kafkaTransport(broker, 1, {}, 'exactly-once');
    const { inputTopic: topic, groupId } = transport;
    await transport.feed(ids(30));
    await broker.withAdmin(async (admin) => {
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '5' }] });
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '12' }] });
    });
    const sink = transport.sink();
    await sink.open();

    await runUntil(transport.source(10), 18, echo(sink));
    await sink.close();

    expect(await transport.resultIds()).toEqual(ids(30).slice(12));
  });
});
