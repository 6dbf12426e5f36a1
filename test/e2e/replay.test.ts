import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { startTagstream, tagstream } from '../support/agent-process.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';

describe('wrong usage of tagstream replay', () => {
  const noon = '2026-11-25T12:00:00Z';
  it.each([
    [['--since', 'foo 1'], '--since foo 1: give a time'],
    [['--until', '5'], '--until 5: give a time'],
    [['--since', noon, '--until', noon], `--since ${noon} is not before --until ${noon}`],
    [['--max-attempts', '0x10'], '--max-attempts 0x10: give a whole number'],
    [['--reason', 'bad', '--reason', 'empty'], '--reason bad: give one or more of'],
  ])('%j exits 64', async (args, message) => {
    const { code, stdout, stderr } = await tagstream(['replay', '--brokers', '127.0.0.1:1', ...args]);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(`error: ${message}`);
  });
});

describeWithKafka('tagstream replay', (broker) => {
  it('takes reasons in a list and from several flags', async () => {
    const topics = await topicsWith(broker, ['empty', 'too_long', 'not_json', 'language']);
    const flags = ['--reason', 'empty,not_json', '--reason', 'language'];

    const { code, stdout } = await tagstream(['replay', ...topics.args, '--dry-run', ...flags]);

    expect(code).toBe(0);
    const shown = stdout.split('\n').flatMap((line) => /^replayed .*?(\w+), attempt/.exec(line)?.[1] ?? []);
    expect(shown).toEqual(['empty', 'not_json', 'language']);
    expect(stdout).toContain('would be 3 replayed\n');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends whole on %s, with 1 and a message', async (signal) => {
    const topics = await topicsWith(
      broker,
      Array.from({ length: 4_000 }, () => 'empty'),
    );
    const started = startTagstream(['replay', ...topics.args]);
    const ends = () => broker.withAdmin((admin) => admin.fetchTopicOffsets(topics.input));
    while ((await ends()).every(({ high }) => high === '0')) await sleep(20);
    started.process.kill(signal);

    expect(await started.exited).toBe(1);
    expect(started.stderr()).toBe(
      'tagstream: stopped before the end of the dead letters: run replay again for the rest; each goes back once\n',
    );
    const [, replayed] = /^of the dead letters: (\d+) replayed\n$/.exec(started.stdout()) ?? [];
    // The marker that ends each transaction has an offset, too; without it a reader would wait here.
    const [{ high } = { high: '0' }] = await ends();
    expect(Number(high)).toBe(Number(replayed) + Math.ceil(Number(replayed) / 64));
    const committed = await broker.consoleConsumer(topics.input, { maxMessages: Number(replayed) });
    expect(committed).toHaveLength(Number(replayed));
  });
});

/** Topics and a group of their own, with a dead letter for each of these reasons. */
async function topicsWith(
  broker: Broker,
  reasons: readonly string[],
): Promise<{ readonly input: string; readonly args: readonly string[] }> {
  const input = await broker.createTopic('posts');
  const letters = await broker.createTopic('dead-letter');
  const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  await producer.send({
    topic: letters,
    messages: reasons.map((reason) => ({
      value: 'a post',
      headers: { 'tagstream-reason': reason, 'tagstream-source-topic': input },
    })),
  });
  await producer.disconnect();
  const { brokers } = broker;
  return {
    input,
    args: [
      ...['--brokers', brokers.join(), '--input-topic', input, '--dead-letter-topic', letters],
      ...['--group', input],
    ],
  };
}
