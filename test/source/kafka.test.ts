import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { InfrastructureError, FencedError, OffsetMismatchError } from '../../src/domain/errors.js';
import type { ConsumedRecord } from '../../src/domain/record.js';
import { decompressedLimit } from '../../src/kafka/codecs.js';
import { KafkaSource } from '../../src/source/kafka.js';
import type { Events } from '../../src/telemetry/events.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';
import { events, kafkaTransport, produce, runUntil, type KafkaTransport } from '../support/transport.js';

/** What a group has committed, by partition; -1 where it has nothing. */
async function committed(
  broker: Broker,
  { groupId, inputTopic }: KafkaTransport,
): Promise<readonly number[]> {
  const [offsets] = await broker.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [inputTopic] }));
  return (offsets?.partitions ?? [])
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ offset }) => Number(offset));
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `post-${index}`);

const quiet = (brokers: readonly string[]): Kafka =>
  new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1, initialRetryTime: 10 },
  });

describeWithKafka('The Kafka source', (broker) => {
  /** A source with events of its own, for what cannot be seen from outside. */
  const sourceWith = (transport: KafkaTransport, own: Partial<Events>, topic = transport.inputTopic) =>
    new KafkaSource(
      quiet(broker.brokers),
      {
        ...{ brokers: broker.brokers, inputTopic: topic, groupId: transport.groupId, chunkSize: 10 },
        concurrentChunks: 1,
        ...{ concurrentPartitions: 2, fetchBytes: 1_000_000, sessionTimeoutMs: 30_000 },
        delivery: 'at-least-once',
      },
      { ...events, ...own },
    );

  test('commits an offset when the handler has resolved, and never before', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(30));
    const seen: [first: number, before: number | undefined][] = [];

    await runUntil(transport.source(10), 30, async ({ records }) => {
      seen.push([Number(records[0]?.position.offset), (await committed(broker, transport))[0]]);
    });

    expect(seen).toEqual([
      [0, -1],
      [10, 10],
      [20, 20],
    ]);
    expect(await committed(broker, transport)).toEqual([30]);
  });

  test('commits nothing of a batch that fails, however often, and can be stopped meanwhile', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(20));
    const source = transport.source(10);
    let failures = 0;
    let stopped: Promise<void> | undefined;

    await source.run(({ records }) => {
      if (records[0]?.position.offset === 0n) return Promise.resolve();
      failures += 1;
      if (failures === 3) stopped = source.stop();
      return Promise.reject(new Error('the model is gone'));
    });
    await stopped;

    expect(failures).toBe(3);
    expect(await committed(broker, transport)).toEqual([10]);
  });

  test('commits nothing itself with exactly-once delivery, and reads on from where it is told', async () => {
    const transport = await kafkaTransport(broker, 1, {}, 'exactly-once');
    await transport.feed(ids(40));
    const covered: (readonly [first: bigint, last: bigint, records: number])[] = [];
    const moves = [30n, 5n];

    await runUntil(transport.source(10), 35, async ({ firstOffset, lastOffset, records }) => {
      covered.push([firstOffset, lastOffset, records.length]);
      const next = moves.shift();
      if (next !== undefined) throw new OffsetMismatchError(next);
    });

    expect(covered).toEqual([
      [0n, 9n, 10],
      [30n, 39n, 10],
      [5n, 14n, 10],
      [15n, 24n, 10],
      [25n, 34n, 10],
      [35n, 39n, 5],
    ]);
    expect(await committed(broker, transport)).toEqual([-1]);
  });

  test('gives up when another has its place', async () => {
    const transport = await kafkaTransport(broker, 1, {}, 'exactly-once');
    await transport.feed(ids(20));
    let handedOut = 0;

    const run = transport.source(10).run(async () => {
      handedOut += 1;
      throw new FencedError('another has it');
    });

    await expect(run).rejects.toThrow(FencedError);
    expect(handedOut).toBe(1);
  });

  test('is not ready while a chunk fails, and is again when it no longer does', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(20));
    const source = transport.source(10);
    const ready: boolean[] = [];

    await runUntil(source, 20, async () => {
      ready.push(source.ready);
      if (ready.length <= 2) throw new Error('no luck');
    });

    expect(ready).toEqual([true, false, false, true]);
  });

  test('has several chunks of a partition under way, and commits each when those before it are', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(50));
    const course: (readonly [what: string, offset: number])[] = [];
    let begin: () => void = () => undefined;
    const fourAreUnderWay = new Promise<void>((resolve) => (begin = resolve));

    await runUntil(transport.source(10, { concurrentChunks: 4 }), 50, async ({ firstOffset }, { after }) => {
      course.push(['begun', Number(firstOffset)]);
      if (firstOffset === 30n) begin();
      if (firstOffset === 0n) await fourAreUnderWay;
      await after;
      course.push(['in turn', (await committed(broker, transport))[0] ?? NaN]);
    });

    expect(course.slice(0, 4)).toEqual([0, 10, 20, 30].map((offset) => ['begun', offset]));
    expect(course.filter(([what]) => what === 'in turn').map(([, offset]) => offset)).toEqual([
      -1, 10, 20, 30, 40,
    ]);
    expect(await committed(broker, transport)).toEqual([50]);
  });

  test('is not ready while a later chunk fails, though one before it is done', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(30));
    const source = transport.source(10, { concurrentChunks: 3 });
    const seen: (readonly [isReady: boolean, committed: number | undefined])[] = [];
    let failed: () => void = () => undefined;
    const secondFailed = new Promise<void>((resolve) => (failed = resolve));

    await runUntil(source, 30, async ({ firstOffset }) => {
      if (firstOffset === 0n) await secondFailed;
      if (firstOffset !== 10n) return;
      failed();
      if (seen.length > 0) await expect.poll(() => committed(broker, transport)).toEqual([10]);
      seen.push([source.ready, (await committed(broker, transport))[0]]);
      if (seen.length <= 1) throw new Error('no luck');
    });

    expect(seen.at(-1)).toEqual([false, 10]);
    expect(await committed(broker, transport)).toEqual([30]);
  });

  test('steps over a record batch that decompresses to more than the limit, and says why', async () => {
    const transport = await kafkaTransport(broker, 1, { 'max.message.bytes': '300000000' });
    await transport.feed(['before']);
    const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    const half = Buffer.alloc(decompressedLimit / 2);
    const messages = [half, half, half].map((value) => ({ value }));
    await producer.send({ topic: transport.inputTopic, compression: CompressionTypes.GZIP, messages });
    await producer.disconnect();
    await transport.feed(['after']);
    const read: ConsumedRecord[] = [];

    await runUntil(transport.source(2), 5, ({ records }) => {
      read.push(...records);
      return Promise.resolve();
    });

    const bomb = {
      value: null,
      unread: {
        reason: 'undecodable_batch',
        detail: expect.stringContaining(`more than ${decompressedLimit} bytes`),
      },
    };
    expect(read).toMatchObject([
      { position: { offset: 0n }, value: Buffer.from('before') },
      ...[1n, 2n, 3n].map((offset) => ({ ...bomb, position: { offset } })),
      { position: { offset: 4n }, value: Buffer.from('after') },
    ]);
    expect(await committed(broker, transport)).toEqual([5]);
  });

  test('reads what Java’s producer wrote with every codec', async () => {
    const transport = await kafkaTransport(broker);
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
    const written = codecs.flatMap((codec) =>
      ids(100).map((id) => `${codec} ${id} ${'ünïcödé '.repeat(30)}`),
    );
    for (const codec of codecs) {
      const values = written.filter((value) => value.startsWith(`${codec} `));
      await broker.javaProduce(
        transport.inputTopic,
        values.map((value) => ({ value })),
        { codec },
      );
    }
    const read: string[] = [];

    await runUntil(transport.source(64), written.length, ({ records }) => {
      read.push(...records.map(({ value }) => String(value)));
      return Promise.resolve();
    });

    expect(read).toEqual(written);
  });

  test('gives out keys, values, headers and times as they stand in the log', async () => {
    const transport = await kafkaTransport(broker);
    const binary = Buffer.from([0x00, 0xff, 0x80]);
    await produce(broker, transport.inputTopic, [
      {
        key: binary,
        value: binary,
        headers: { one: binary, two: ['first', 'last'] },
        timestamp: '1700000000000',
      },
      { key: null, value: null },
    ]);
    const read: ConsumedRecord[] = [];

    await runUntil(transport.source(10), 2, ({ records }) => {
      read.push(...records);
      return Promise.resolve();
    });

    expect(read).toMatchObject([
      {
        position: { topic: transport.inputTopic, partition: 0, offset: 0n },
        key: binary,
        value: binary,
        headers: { one: binary, two: [Buffer.from('first'), Buffer.from('last')] },
        timestamp: 1_700_000_000_000,
      },
      { position: { offset: 1n }, key: null, value: null, headers: {} },
    ]);
  });

  test('steps over the control records of a transaction', async () => {
    const transport = await kafkaTransport(broker);
    const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ transactionalId: transport.groupId, maxInFlightRequests: 1 });
    await producer.connect();
    for (const end of ['commit', 'abort', 'commit'] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: transport.inputTopic, messages: [{ value: end }] });
      await transaction[end]();
    }
    await producer.disconnect();
    const read: string[] = [];

    await runUntil(transport.source(10), 2, ({ records }) => {
      read.push(...records.map(({ value }) => String(value)));
      return Promise.resolve();
    });

    expect(read).toEqual(['commit', 'commit']);
    // Three records, and behind each of them the marker of its transaction.
    expect(await committed(broker, transport)).toEqual([6]);
  });

  test('keeps its membership while a batch takes longer than the session lasts', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(10));
    const sessionTimeoutMs = 6_000;
    let handedOut = 0;

    await runUntil(transport.source(10, { sessionTimeoutMs }), 10, async () => {
      handedOut += 1;
      await sleep(sessionTimeoutMs + 2_000);
    });

    expect(handedOut).toBe(1);
    expect(await committed(broker, transport)).toEqual([10]);
  });

  test('loses nothing when a second member joins in mid-stream, and both then work', async () => {
    const transport = await kafkaTransport(broker, 4);
    const all = ids(1_200);
    await transport.feed(all);
    const seen = new Set<string>();
    const sessionTimeoutMs = 6_000;
    const members = [
      transport.source(10, { sessionTimeoutMs }),
      transport.source(10, { sessionTimeoutMs }),
    ] as const;
    const records = [0, 0];
    let second: Promise<void> | undefined;
    let stopped: Promise<unknown> | undefined;
    const work = (member: 0 | 1) => async (batch: { readonly records: readonly ConsumedRecord[] }) => {
      // The first member has to notice by its heartbeat that the second waits to be let in.
      await sleep(second !== undefined && records[1] === 0 ? 1_500 : 20);
      for (const { value } of batch.records) seen.add(String(value));
      records[member]! += batch.records.length;
      if (seen.size > 200) second ??= members[1].run(work(1));
      if (seen.size === all.length) stopped ??= Promise.all(members.map((source) => source.stop()));
    };

    await members[0].run(work(0));
    await second;
    await stopped;

    expect([...seen].sort()).toEqual(all.toSorted());
    expect(Math.min(...records)).toBeGreaterThan(0);
    expect(await committed(broker, transport)).toEqual([300, 300, 300, 300]);
  });

  test('tells when it has joined its group, and how far behind it is', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(25));
    const lags: (readonly [partition: number, records: number, isBehind: boolean])[] = [];
    const assignments: unknown[] = [];
    const source = sourceWith(transport, {
      lagMeasured: (_topic, partition, records, seconds) => {
        const lag = [partition, records, seconds > 0] as const;
        // On a slow machine a heartbeat measures between two commits.
        if (JSON.stringify(lag) !== JSON.stringify(lags.at(-1))) lags.push(lag);
      },
      partitionsAssigned: (assignment) => assignments.push(assignment),
    });
    const ready: boolean[] = [source.ready];

    await runUntil(source, 25, () => {
      ready.push(source.ready);
      return Promise.resolve();
    });
    ready.push(source.ready);

    expect(assignments).toEqual([{ [transport.inputTopic]: [0] }]);
    expect(ready).toEqual([false, true, true, true, false]);
    expect(lags).toEqual([
      [0, 25, true],
      [0, 15, true],
      [0, 5, true],
      [0, 0, false],
    ]);
  });

  test('tells how far behind it is while a batch fails again and again', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(25));
    const lags: [records: number, seconds: number][] = [];
    const source = sourceWith(transport, {
      lagMeasured: (_topic, _partition, records, seconds) => lags.push([records, seconds]),
    });
    let failures = 0;
    let stopped: Promise<void> | undefined;

    await source.run(() => {
      failures += 1;
      if (failures === 4) stopped = source.stop();
      return Promise.reject(new Error('the model is gone'));
    });
    await stopped;

    expect(lags.length).toBeGreaterThanOrEqual(5);
    expect(lags.every(([records]) => records === 25)).toBe(true);
    const seconds = lags.map(([, age]) => age);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
    expect(seconds.at(-1)! - seconds[0]!).toBeGreaterThan(1);
  });

  test('ends with an error when kafkajs gives up, instead of living on without reading', async () => {
    const transport = await kafkaTransport(broker);
    await transport.feed(ids(1));
    const source = sourceWith(transport, {
      offsetsCommitted: () => {
        throw new TypeError('a mistake of ours');
      },
    });

    const run = source.run(() => Promise.resolve());

    await expect(run).rejects.toThrow(InfrastructureError);
    await expect(run).rejects.toThrow(/a mistake of ours/);
    expect(source.ready).toBe(false);
  });

  test('says which topic is missing', async () => {
    const transport = await kafkaTransport(broker);

    const run = sourceWith(transport, {}, 'no-such-topic').run(() => Promise.resolve());

    await expect(run).rejects.toThrow(
      /there is no topic "no-such-topic" on 127\.0\.0\.1:\d+: create what is missing/,
    );
  });
});

test('A broker that cannot be reached is named', async () => {
  const brokers = ['127.0.0.1:1'];
  const source = new KafkaSource(
    quiet(brokers),
    {
      ...{ brokers, inputTopic: 'posts', groupId: 'tagstream', chunkSize: 10 },
      concurrentChunks: 1,
      ...{ concurrentPartitions: 2, fetchBytes: 1_000_000, sessionTimeoutMs: 30_000 },
      delivery: 'at-least-once',
    },
    events,
  );

  await expect(source.run(() => Promise.resolve())).rejects.toThrow(
    /"posts" cannot be read from 127\.0\.0\.1:1: .*ECONNREFUSED/,
  );
});
