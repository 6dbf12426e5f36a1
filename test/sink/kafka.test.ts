import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InfrastructureError } from '../../src/domain/errors.js';
import type { Outcome, ResultBatch } from '../../src/domain/outcome.js';
import { describeWithKafka } from '../support/kafka.js';
import { decide, kafkaTransport, resultOf } from '../support/transport.js';

const position = { topic: 'posts', partition: 5, offset: 42n };
const batchOf = (outcomes: readonly Outcome[]): ResultBatch => ({
  topic: 'posts',
  partition: 5,
  generation: 1,
  outcomes,
  firstOffset: 42n,
  nextOffset: 43n,
});
const tagged = (id: string): Outcome =>
  decide({ position, key: null, value: Buffer.from(id), headers: {}, timestamp: 0 });
const deadLetter = (value: Buffer | null, key: Buffer | null = null, headers = {}): Outcome => ({
  kind: 'dead-letter',
  position,
  reason: 'not_json',
  detail: 'no JSON, at all: [“”]',
  raw: { position, key, value, headers, timestamp: 1_700_000_000_000 },
});

describeWithKafka('The Kafka sink', (broker) => {
  test('places keys where Java’s default partitioner places them', async () => {
    const transport = await kafkaTransport(broker, 7);
    const javas = await broker.createTopic('java', { partitions: 7 });
    const id = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((text) => !/^!|[\t\r\n]/.test(text));
    const keys = [...new Set(fc.sample(id, 300)), '1', '1860000000000000000'];
    await broker.javaProduce(
      javas,
      keys.map((key) => ({ key, value: '' })),
    );
    const sink = transport.sink();
    await sink.open();

    await sink.write(batchOf(keys.map(tagged)));
    await sink.close();

    const places = async (topic: string) =>
      new Map((await broker.consoleConsumer(topic)).map(({ key, partition }) => [String(key), partition]));
    const [ours, expected] = await Promise.all([places(transport.outputTopic), places(javas)]);
    expect(ours).toEqual(expected);
    expect(new Set(ours.values()).size).toBe(7);
  });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'writes results that Java reads, compressed with %s',
    async (compression) => {
      const transport = await kafkaTransport(broker);
      const sink = transport.sink({ compression });
      await sink.open();
      // Some compress well; others not at all.
      const ids = Array.from({ length: 200 }, (_, index) =>
        index % 2 === 0 ? `${index}-${'again '.repeat(50)}` : randomBytes(600).toString('base64'),
      );

      await sink.write(batchOf(ids.map(tagged)));
      await sink.close();

      const records = await broker.consoleConsumer(transport.outputTopic);
      expect(records.map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual(ids.map(resultOf));
      expect(records.map(({ key }) => String(key))).toEqual(ids);
      expect(records[0]?.headers).toEqual({ 'content-type': Buffer.from('application/json') });
    },
  );

  test('writes a tombstone as a key without a value, and nothing for what is skipped', async () => {
    const transport = await kafkaTransport(broker);
    const sink = transport.sink();
    await sink.open();

    await sink.write(batchOf([{ kind: 'skipped', position, reason: 'empty' }]));
    await sink.write(batchOf([{ kind: 'tombstone', position, id: 'gone' }]));
    await sink.close();

    const records = await broker.consoleConsumer(transport.outputTopic);
    expect(records).toMatchObject([{ key: Buffer.from('gone'), value: null, headers: {} }]);
    expect(await broker.consoleConsumer(transport.deadLetterTopic)).toEqual([]);
  });

  test('carries a dead letter’s key, value and headers untouched, and says what is wrong with it', async () => {
    const transport = await kafkaTransport(broker, 3);
    const binary = Buffer.from([0x00, 0xff, 0x09, 0x0a, 0x5c, 0x80]);
    const sink = transport.sink();
    await sink.open();

    await sink.write(
      batchOf([
        deadLetter(binary, null, { trace: binary, 'tagstream-attempt': Buffer.from('1') }),
        deadLetter(null, binary),
      ]),
    );
    await sink.close();

    const records = await broker.consoleConsumer(transport.deadLetterTopic);
    const explanation = {
      'tagstream-reason': Buffer.from('not_json'),
      'tagstream-detail': Buffer.from('no JSON, at all: [“”]'),
      'tagstream-source-topic': Buffer.from('posts'),
      'tagstream-source-partition': Buffer.from('5'),
      'tagstream-source-offset': Buffer.from('42'),
      'tagstream-source-timestamp': Buffer.from('1700000000000'),
    };
    const keyless = records.find(({ key }) => key === null);
    expect(keyless).toMatchObject({ value: binary, partition: 5 % 3 });
    expect(keyless?.headers).toEqual({
      trace: binary,
      ...explanation,
      'tagstream-attempt': Buffer.from('2'),
    });
    const keyed = records.find(({ key }) => key !== null);
    expect(keyed).toMatchObject({ key: binary, value: null });
    expect(keyed?.headers).toEqual({ ...explanation, 'tagstream-attempt': Buffer.from('1') });
  });

  test('leaves out the value of a dead letter that the broker would not take', async () => {
    const transport = await kafkaTransport(broker);
    const value = randomBytes(3_000_000);
    const sink = transport.sink();
    await sink.open();

    await sink.write(batchOf([deadLetter(value, Buffer.from('key'))]));
    await sink.close();

    const [record] = await broker.consoleConsumer(transport.deadLetterTopic);
    expect(record).toMatchObject({ key: Buffer.from('key'), value: null });
    expect(record?.headers).toMatchObject({
      'tagstream-value-bytes': Buffer.from('3000000'),
      'tagstream-value-sha256': Buffer.from(createHash('sha256').update(value).digest('hex')),
    });
  });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'never sends more at once than the broker takes, compressed with %s',
    async (compression) => {
      const limit = 20_000;
      const transport = await kafkaTransport(broker);
      const deadLetterTopic = await broker.createTopic('tight', {
        configs: { 'max.message.bytes': String(limit) },
      });
      const sink = transport.sink({ deadLetterTopic, compression, maxRecordBytes: limit });
      await sink.open();
      const sizes = [
        ...Array.from({ length: 40 }, (_, index) => 18_900 + 30 * index),
        9_000,
        9_000,
        9_000,
        100,
      ];
      const values = sizes.map((size) => randomBytes(size));

      await sink.write(batchOf(values.map((value) => deadLetter(value))));
      await sink.close();

      const records = await broker.consoleConsumer(deadLetterTopic);
      expect(
        records.map(({ value, headers }) => value?.length ?? Number(headers['tagstream-value-bytes'])),
      ).toEqual(sizes);
      expect(records.filter(({ value }) => value === null).length).toBeLessThan(40);
    },
  );

  test('goes on with a new producer after a write that failed, and loses nothing that was said to be out', async () => {
    const transport = await kafkaTransport(broker);
    const sink = transport.sink();
    await sink.open();

    await sink.write(batchOf([tagged('before')]));
    const tooLarge = sink.write(batchOf([tagged(randomBytes(1_000_000).toString('base64'))]));
    const after = sink.write(batchOf([tagged('after')]));

    await expect(tooLarge).rejects.toThrow(InfrastructureError);
    await after;
    await sink.close();
    expect(await transport.resultIds()).toEqual(['before', 'after']);
  });

  test('refuses the results that the broker would not take, and writes those it does not refuse', async () => {
    const limit = 20_000;
    const transport = await kafkaTransport(broker);
    const outputTopic = await broker.createTopic('tight', {
      configs: { 'max.message.bytes': String(limit) },
    });
    const sink = transport.sink({ outputTopic, compression: 'gzip', maxRecordBytes: limit });
    await sink.open();
    // The id stands in the key and in the value.
    const outcomes = Array.from({ length: 40 }, (_, index) =>
      tagged(randomBytes(4_900 + 5 * index).toString('hex')),
    );
    const accepted = outcomes.filter((outcome) => sink.refuses(outcome) === undefined);

    await sink.write(batchOf(accepted));
    await sink.close();

    expect(await broker.consoleConsumer(outputTopic)).toHaveLength(accepted.length);
    expect(accepted.length).toBeGreaterThan(5);
    expect(accepted.length).toBeLessThan(35);
    expect(sink.refuses(outcomes[39]!)).toMatch(/takes \d+ bytes, more than kafka\.maxRecordBytes \(20000\)/);
    expect(sink.refuses(deadLetter(randomBytes(100_000)))).toBeUndefined();
  });

  test('writes one batch after the other, in the order of the calls', async () => {
    const transport = await kafkaTransport(broker);
    const sink = transport.sink();
    await sink.open();
    const ids = Array.from({ length: 50 }, (_, index) => `post-${index}`);

    await Promise.all(ids.map((id) => sink.write(batchOf([tagged(id)]))));
    await sink.close();

    expect(await transport.resultIds()).toEqual(ids);
  });

  test('says at the start which topics are missing', async () => {
    const transport = await kafkaTransport(broker);

    await expect(
      transport.sink({ outputTopic: 'no-results', deadLetterTopic: 'no-dead-letters' }).open(),
    ).rejects.toThrow(/there is no topic "no-results", "no-dead-letters" on .*: create what is missing/);
  });
});
