import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { rejections, type DeadLetter, type Rejection } from '../../src/domain/outcome.js';
import { replay, type Fate, type Selection } from '../../src/replay/replay.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';
import { kafkaTransport, type KafkaTransport } from '../support/transport.js';

const all: Selection = {
  ...{ reasons: rejections, since: 0, until: Infinity, maxAttempts: 3, dryRun: false },
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
): Promise<Partial<Record<Fate, number>>> {
  const kafka = { brokers, inputTopic, outputTopic, deadLetterTopic, groupId };
  const counts: Partial<Record<Fate, number>> = {};
  await replay(loadConfig({ flags: { kafka } }), { ...all, ...selection }, (_letter, fate) => {
    counts[fate] = (counts[fate] ?? 0) + 1;
  });
  return counts;
}

/** A dead letter of a record without a key that stood at this offset of partition 1. */
function letter(index: number, code: Rejection): DeadLetter {
  const position = { topic: 'posts', partition: 1, offset: BigInt(index) };
  const own = { headers: { own: Buffer.from(String(index)) }, timestamp: 0 };
  const raw = { position, key: null, value: Buffer.from(`value-${index}`), ...own };
  return { kind: 'dead-letter', position, code, detail: 'for a test', raw };
}

let generation = 0;

async function deadLetter(transport: KafkaTransport, outcomes: readonly DeadLetter[]): Promise<void> {
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
