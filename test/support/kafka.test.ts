import { expect, test } from 'vitest';
import { describeWithKafka } from './kafka.js';

describeWithKafka('The broker for tests', (broker) => {
  test('gives back through Kafka’s own consumer every byte that its producer wrote', async () => {
    const topic = await broker.createTopic('oracle', { partitions: 2 });
    const records = [
      { key: 'a', value: '{"text":"back\\\\slash, \\"quotes\\" and ünïcödé 🌼"}' },
      { key: 'b', value: 'null' },
      { key: 'c', value: '' },
    ];
    await broker.javaProduce(topic, records, { codec: 'zstd' });

    const read = await broker.consoleConsumer(topic);

    const texts = read.map(({ key, value }) => ({ key: String(key), value: String(value) }));
    expect(texts.sort((a, b) => a.key.localeCompare(b.key))).toEqual(records);
  });

  test('says of an empty topic that it is empty', async () => {
    expect(await broker.consoleConsumer(await broker.createTopic('empty'))).toEqual([]);
  });
});
