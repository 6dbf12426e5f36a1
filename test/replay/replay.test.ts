import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { reasons, type DeadLetter, type Reason } from '../../src/domain/outcome.js';
import type { Fate, Selection } from '../../src/replay/fate.js';
import { replay } from '../../src/replay/replay.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { root } from '../support/markdown.js';
import { kafkaTransport, type KafkaTransport } from '../support/transport.js';

const all: Selection = {
  ...{ reasons: reasons, since: 0, until: Infinity, maxAttempts: 3, dryRun: false },
};

describeWithKafka('Replay', (broker) => {
  test('brings each dead letter back once, as it was, whatever the choices of its runs', async () => {
    const transport = await kafkaTransport(broker, 2, {}, 'exactly-once');
    await deadLetter(transport, [
      ...Array.from({ length: 150 }, (_, index) => letter(index, index % 3 === 0 ? 'empty' : 'not_json')),
    ]);

    const first = await run(broker, transport, { reasons: ['empty'] });
    const second = await run(broker, transport, {});
    const third = await run(broker, transport, { reasons: ['not_json'] });

    expect(first).toEqual({ replayed: 50 });
    expect(second).toEqual({ 'replayed before': 50, replayed: 100 });
    expect(third).toEqual({ 'replayed before': 100 });
    const back = await broker.consoleConsumer(transport.inputTopic);
    expect(back.map(({ value }) => String(value)).sort()).toEqual(
      Array.from({ length: 150 }, (_, index) => `value-${index}`).sort(),
    );
    const one = back.find(({ value }) => String(value) === 'value-7');
    expect(one).toMatchObject({ partition: 1, key: null });
    expect(one?.headers).toEqual({ own: Buffer.from('7'), 'tagstream-attempt': Buffer.from('1') });
  });

  test('chooses by the time of the dead letters, and shows only on a dry run', async () => {
    const transport = await kafkaTransport(broker);
    await deadLetter(transport, [letter(0, 'empty'), letter(1, 'empty')]);
    const between = Date.now() + 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await deadLetter(transport, [letter(2, 'empty')]);

    expect(await run(broker, transport, { since: between, dryRun: true })).toEqual({ replayed: 1 });
    expect(await broker.consoleConsumer(transport.inputTopic)).toEqual([]);
    expect(await run(broker, transport, { since: between })).toEqual({ replayed: 1 });
    expect(await run(broker, transport, { until: between })).toEqual({ replayed: 2 });
    expect(await run(broker, transport, {})).toEqual({ 'replayed before': 3 });

    const back = await broker.consoleConsumer(transport.inputTopic);
    expect(back.map(({ value }) => String(value))).toEqual(['value-2', 'value-0', 'value-1']);
  });

  test('leaves out what was tried too often, and what has lost its value', async () => {
    const transport = await kafkaTransport(broker);
    const tried = letter(0, 'not_json');
    const headers = { 'tagstream-attempt': Buffer.from('2') };
    const large = letter(1, 'too_long');
    await deadLetter(transport, [
      { ...tried, raw: { ...tried.raw, headers } },
      { ...large, raw: { ...large.raw, value: Buffer.alloc(2_000_000) } },
    ]);

    expect(await run(broker, transport, {})).toEqual({ 'tried too often': 1, incomplete: 1 });
    expect(await run(broker, transport, { maxAttempts: 4 })).toEqual({ replayed: 1, incomplete: 1 });

    const [back] = await broker.consoleConsumer(transport.inputTopic);
    expect(back?.headers).toEqual({ 'tagstream-attempt': Buffer.from('3') });
  });

  test('calls none replayed before that never went back', async () => {
    const transport = await kafkaTransport(broker);
    const letters = [0, 1, 2].map((index) => letter(index, 'too_long'));
    const [first, { raw, ...rest }, last] = letters as [DeadLetter, DeadLetter, DeadLetter];
    const large = { ...rest, raw: { ...raw, value: Buffer.alloc(2_000_000) } };
    await deadLetter(transport, [first, large, last]);

    expect(await run(broker, transport, {})).toEqual({ replayed: 2, incomplete: 1 });
    expect(await run(broker, transport, {})).toEqual({ 'replayed before': 2, incomplete: 1 });
  });

  test('leaves those of another input to it where agents share a dead-letter topic and a group', async () => {
    const one = await kafkaTransport(broker);
    const other = { ...one, inputTopic: await broker.createTopic('others') };
    for (let start = 0; start < 6; start += 2) {
      await deadLetter(one, [letter(start, 'empty')]);
      await deadLetter(other, [letter(start + 1, 'empty')]);
    }
    expect(await run(broker, one, {})).toEqual({ replayed: 3, 'of another input': 3 });
    // What was noted for the one says nothing of the other's.
    expect(await run(broker, other, {})).toEqual({ replayed: 3, 'of another input': 3 });
    const toOther = await broker.consoleConsumer(other.inputTopic);
    expect(toOther.map(({ value }) => String(value))).toEqual(['value-1', 'value-3', 'value-5']);

    // One that doesn't say where it came from.
    const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({
      topic: one.deadLetterTopic,
      messages: [{ value: 'value-6', headers: { 'tagstream-reason': 'empty' } }],
    });
    await producer.disconnect();
    expect(await run(broker, one, {})).toEqual({
      ...{ 'replayed before': 3, 'of another input': 3, replayed: 1 },
    });
    const back = await broker.consoleConsumer(one.inputTopic);
    expect(back.map(({ value }) => String(value))).toEqual(['value-0', 'value-2', 'value-4', 'value-6']);
  });

  test('finishes the transaction under way when it is to stop, and goes on there the next time', async () => {
    const transport = await kafkaTransport(broker);
    await deadLetter(
      transport,
      Array.from({ length: 300 }, (_, index) => letter(index, 'empty')),
    );
    const stopping = new AbortController();
    let told = 0;
    const stopped = run(broker, transport, {}, stopping.signal, () => {
      told += 1;
      stopping.abort('SIGTERM');
    });

    await expect(stopped).rejects.toMatchObject({
      ...{ name: 'StoppedError', exitCode: 1 },
      message: expect.stringContaining('stopped before the end of the dead letters'),
    });
    expect(told).toBe(64);
    expect(await broker.consoleConsumer(transport.inputTopic)).toHaveLength(64);
    expect(await run(broker, transport, {}, AbortSignal.abort('SIGTERM')).catch(String)).toContain('stopped');
    expect(await run(broker, transport, {})).toEqual({ 'replayed before': 64, replayed: 236 });
  });

  test('says so when another replay of the group has begun', async () => {
    const transport = await kafkaTransport(broker);
    await deadLetter(
      transport,
      Array.from({ length: 200 }, (_, index) => letter(index, 'empty')),
    );
    let other: string | undefined;
    const shutOut = run(broker, transport, {}, undefined, () => {
      // It holds this one up until it is done.
      other ??= String(
        execFileSync(process.execPath, [join(root, 'dist/cli.js'), ...argsOf(broker, transport)]),
      );
    });

    await expect(shutOut).rejects.toMatchObject({
      ...{ name: 'InfrastructureError', exitCode: 1 },
      message: expect.stringMatching(
        /^another replay of group ".*" has begun and shut this one out.*run this one again when no other runs/,
      ),
    });
    expect(other).toBe('of the dead letters: 64 replayed before, 136 replayed\n');
    expect(await broker.consoleConsumer(transport.inputTopic)).toHaveLength(200);
  });

  test('has the brokers end what it leaves open within ten seconds', async () => {
    const transport = await kafkaTransport(broker);
    await deadLetter(transport, [letter(0, 'empty')]);
    await run(broker, transport, {});
    const tools = await findJavaTools();

    const table = await tools.run('org.apache.kafka.tools.TransactionsCommand', [
      ...['--bootstrap-server', broker.brokers.join(), 'describe'],
      ...['--transactional-id', `${transport.groupId}/replay`],
    ]);

    const [names = [], values = []] = table
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    expect(values[names.indexOf('TransactionTimeoutMs')]).toBe('10000');
  });

  test('brings back records that together are larger than one batch may be', async () => {
    const transport = await kafkaTransport(broker);
    const values = Array.from({ length: 8 }, (_, index) => randomBytes(300_000 + index));
    await deadLetter(
      transport,
      values.map((value, index) => {
        const { raw, ...rest } = letter(index, 'too_long');
        return { ...rest, raw: { ...raw, value, key: Buffer.from('one key') } };
      }),
    );

    expect(await run(broker, transport, {})).toEqual({ replayed: 8 });

    const back = await broker.consoleConsumer(transport.inputTopic);
    expect(back.map(({ value }) => value?.length)).toEqual(values.map(({ length }) => length));
    expect(String(back[0]?.key)).toBe('one key');
  });

  test('brings each back once though two run at the same time', async () => {
    const transport = await kafkaTransport(broker);
    await deadLetter(
      transport,
      Array.from({ length: 300 }, (_, index) => letter(index, 'empty')),
    );

    const runs = await Promise.allSettled([run(broker, transport, {}), run(broker, transport, {})]);
    await run(broker, transport, {});

    expect(runs.some(({ status }) => status === 'fulfilled')).toBe(true);
    const back = await broker.consoleConsumer(transport.inputTopic);
    expect(back.map(({ value }) => String(value)).sort()).toEqual(
      Array.from({ length: 300 }, (_, index) => `value-${index}`).sort(),
    );
  });
});

/** How many dead letters met which fate. */
async function run(
  { brokers }: Broker,
  { inputTopic, outputTopic, deadLetterTopic, groupId }: KafkaTransport,
  selection: Partial<Selection>,
  stopping = new AbortController().signal,
  told: () => void = () => undefined,
): Promise<Partial<Record<Fate, number>>> {
  const kafka = { brokers, inputTopic, outputTopic, deadLetterTopic, groupId };
  const counts: Partial<Record<Fate, number>> = {};
  const count = (_letter: unknown, fate: Fate): void => {
    counts[fate] = (counts[fate] ?? 0) + 1;
    told();
  };
  await replay(loadConfig({ flags: { kafka } }), { ...all, ...selection }, count, stopping);
  return counts;
}

/** The command line of the same. */
const argsOf = (
  { brokers }: Broker,
  { inputTopic, deadLetterTopic, groupId }: KafkaTransport,
): readonly string[] => [
  ...['replay', '--brokers', brokers.join(), '--input-topic', inputTopic],
  ...['--dead-letter-topic', deadLetterTopic, '--group', groupId],
];

/** A dead letter of a record without a key that stood at this offset of partition 1. */
function letter(index: number, code: Reason): DeadLetter {
  const position = { topic: 'posts', partition: 1, offset: BigInt(index) };
  const own = { headers: { own: Buffer.from(String(index)) }, timestamp: 0 };
  const raw = { position, key: null, value: Buffer.from(`value-${index}`), ...own };
  return { kind: 'dead-letter', position, reason: code, detail: 'for a test', raw };
}

let generation = 0;

/** Writes them as the agent of this input does. */
async function deadLetter(transport: KafkaTransport, letters: readonly DeadLetter[]): Promise<void> {
  const outcomes = letters.map((one) => {
    const position = { ...one.position, topic: transport.inputTopic };
    return { ...one, position, raw: { ...one.raw, position } };
  });
  const sink = transport.sink({ delivery: 'at-least-once' });
  const covered = { firstOffset: 0n, nextOffset: BigInt(outcomes.length) };
  await sink.write({
    topic: transport.inputTopic,
    partition: 1,
    generation: generation++,
    outcomes,
    ...covered,
  });
  await sink.close();
}
