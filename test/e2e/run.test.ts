import { Kafka, logLevel } from 'kafkajs';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TaggedPost } from '../../src/domain/outcome.js';
import { startTagstream, type AgentProcess } from '../support/agent-process.js';
import { demoPhotos, startImageServer, type ImageServer } from '../support/image-server.js';
import type { Broker } from '../support/broker.js';
import { describeWithKafka } from '../support/kafka.js';

const posts = 500;
const photoCount = 56;

/** Distinct photos: the demo's, each turned and cropped in eight ways. */
async function manyPhotos(): Promise<ReadonlyMap<string, Buffer>> {
  const photos = [...demoPhotos()].flatMap(([name, bytes]) =>
    Array.from({ length: photoCount / 7 }, async (_, variant): Promise<[string, Buffer]> => {
      const turned = sharp(bytes)
        .rotate((variant % 4) * 90)
        .flop(variant >= 4);
      return [`${variant}-${name}`, await turned.jpeg({ quality: 80 }).toBuffer()];
    }),
  );
  return new Map(await Promise.all(photos));
}

interface Topics {
  readonly inputTopic: string;
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
}

async function createTopics(broker: Broker, configs: Readonly<Record<string, string>> = {}): Promise<Topics> {
  return {
    inputTopic: await broker.createTopic('posts', { configs }),
    outputTopic: await broker.createTopic('keyphrases'),
    deadLetterTopic: await broker.createTopic('dead'),
  };
}

function runOn(
  broker: Broker,
  topics: Topics,
  allow: string,
  more: Readonly<Record<string, string>> = {},
): AgentProcess {
  return startTagstream(['run', '--port', '0', '--brokers', broker.brokers.join(',')], {
    TAGSTREAM_KAFKA_INPUT_TOPIC: topics.inputTopic,
    TAGSTREAM_KAFKA_OUTPUT_TOPIC: topics.outputTopic,
    TAGSTREAM_KAFKA_DEAD_LETTER_TOPIC: topics.deadLetterTopic,
    TAGSTREAM_KAFKA_GROUP_ID: topics.inputTopic,
    TAGSTREAM_IMAGES_ALLOW: allow,
    TAGSTREAM_IMAGES_TIMEOUT_MS: '2000',
    ...more,
  });
}

async function endOf(broker: Broker, topic: string): Promise<number> {
  return broker.withAdmin(async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  });
}

/** Records of the input whose outcome is committed; of the output's offsets some are transaction markers. */
async function committed(broker: Broker, { inputTopic }: Topics): Promise<number> {
  return broker.withAdmin(async (admin) => {
    const asked = admin.fetchOffsets({ groupId: inputTopic, topics: [inputTopic] });
    // A broker that has just started may still look for its groups, and load what they have committed.
    const [group] = await asked.catch((error: unknown) => {
      if ((error as { retriable?: boolean }).retriable === true) return [];
      throw error;
    });
    return (group?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  });
}

async function until(condition: () => Promise<boolean>, agent: AgentProcess): Promise<void> {
  while (!(await condition())) {
    if (agent.process.exitCode !== null) throw new Error(`the agent ended too early:\n${agent.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describeWithKafka('tagstream run', (broker) => {
  let server: ImageServer;
  let names: readonly string[];
  beforeAll(async () => {
    const photos = await manyPhotos();
    names = [...photos.keys()];
    server = await startImageServer(photos);
  });
  afterAll(() => server.stop());

  const post = (index: number) => ({
    id: `post-${index}`,
    text: `day ${index} of looking at things #photo`,
    ...(index % 4 === 0 ? { images: [`${server.url}/photos/${names[(index / 4) % names.length]}`] } : {}),
  });

  it('tags 500 posts of every compression, once each and in order, through a SIGTERM in mid-stream', async () => {
    const topics = await createTopics(broker);
    const lines = Array.from({ length: posts }, (_, index) => ({ value: JSON.stringify(post(index)) }));
    const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic: topics.inputTopic, messages: lines.slice(0, 400) });
    await producer.disconnect();
    for (const [index, codec] of (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).entries()) {
      const from = 400 + index * 20;
      await broker.javaProduce(topics.inputTopic, lines.slice(from, from + 20), { codec });
    }

    const first = runOn(broker, topics, server.allow);
    await until(async () => (await committed(broker, topics)) > 0, first);
    first.process.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(await committed(broker, topics)).toBeLessThan(posts);

    const second = runOn(broker, topics, server.allow);
    await until(async () => (await committed(broker, topics)) === posts, second);
    second.process.kill('SIGTERM');
    expect(await second.exited).toBe(0);

    const records = await broker.consoleConsumer(topics.outputTopic);
    const results = records.map(({ value }) => JSON.parse(String(value)) as TaggedPost);
    expect(results.map(({ id }) => id)).toEqual(Array.from({ length: posts }, (_, index) => `post-${index}`));
    expect(records.map(({ key }) => String(key))).toEqual(results.map(({ id }) => id));
    // Whether a photo belongs to such a text is the model's to say; each was fetched, decoded and looked at.
    expect(results.filter(({ image }) => image.regions !== undefined)).toHaveLength(posts / 4);
    expect(new Set(server.requests.map(({ path }) => path)).size).toBeGreaterThanOrEqual(50);
    expect(await endOf(broker, topics.deadLetterTopic)).toBe(0);
  }, 240_000);

  it('goes on past bad input of every kind, and counts and explains each', async () => {
    const topics = await createTopics(broker, { 'max.message.bytes': '8000000' });
    const maxRecordBytes = 100_000;
    const image = (path: string) =>
      JSON.stringify({ id: path, text: `an image: ${path}`, images: [server.url + path] });
    const entities = (id: string, given: readonly string[]) =>
      JSON.stringify({ id, text: 'a post that is larger than it looks', enrichment: { entities: given } });
    const bad: [value: string, reason: string][] = [
      ['this is not JSON', 'not_json'],
      ['{"text": "no id"}', 'invalid_post'],
      ['[1, 2]', 'invalid_post'],
      ['{"id_str": "1", "full_text": "a tweet of the old API"}', 'unsupported_format'],
      [JSON.stringify({ id: 'long', text: 'word '.repeat(1_000_000) }), 'too_long'],
      ['{"id": "empty", "text": "  🙂 "}', 'empty'],
      ['{"id": "good", "text": "a good post"}', 'duplicate'],
      [entities('many', Array<string>(90_000).fill('a')), 'invalid_post'],
      [entities('heavy', Array<string>(200).fill('語'.repeat(200))), 'result_too_large'],
    ];
    const good: [value: string, id: string, reason: string][] = [
      ['{"id": "good", "text": "a good post"}', 'good', 'none'],
      [image('/page.html'), '/page.html', 'not_an_image'],
      [image('/truncated.jpg'), '/truncated.jpg', 'undecodable'],
      [image('/status/404'), '/status/404', 'unreachable'],
      [image('/slow-body'), '/slow-body', 'timed_out'],
      [
        '{"id": "private", "text": "look", "images": ["http://10.0.0.1/a.jpg"]}',
        'private',
        'blocked_address',
      ],
      ['{"id": "path", "text": "look", "images": ["/etc/passwd"]}', 'path', 'blocked_address'],
    ];
    const producer = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    for (const [value] of [...good, ...bad])
      await producer.send({ topic: topics.inputTopic, messages: [{ value }] });
    await producer.disconnect();

    const agent = runOn(broker, topics, server.allow, {
      TAGSTREAM_KAFKA_MAX_RECORD_BYTES: String(maxRecordBytes),
    });
    await until(async () => (await committed(broker, topics)) === good.length + bad.length, agent);
    const address = /"address":"([^"]+)"/.exec(agent.stderr())?.[1] ?? '';
    const metrics = await (await fetch(`${address}/metrics`)).text();
    agent.process.kill('SIGTERM');
    expect(await agent.exited).toBe(0);

    const results = (await broker.consoleConsumer(topics.outputTopic)).map(
      ({ value }) => JSON.parse(String(value)) as TaggedPost,
    );
    expect(results.map(({ id, image: { reason } }) => [id, reason])).toEqual(
      good.map(([, id, reason]) => [id, reason]),
    );
    expect(results.every(({ keyphrases }) => keyphrases.length === 5)).toBe(true);

    const letters = await broker.consoleConsumer(topics.deadLetterTopic);
    expect(letters.map(({ headers }) => String(headers['tagstream-reason']))).toEqual(
      bad.map(([, reason]) => reason),
    );
    expect(letters.every(({ headers }) => (headers['tagstream-detail']?.length ?? 0) > 0)).toBe(true);
    letters.forEach(({ value, headers }, index) => {
      const [sent = ''] = bad[index] ?? [];
      const bytes = Buffer.byteLength(sent);
      if (bytes > maxRecordBytes) expect(String(headers['tagstream-value-bytes'])).toBe(String(bytes));
      else expect(String(value)).toBe(sent);
    });
    for (const [, reason] of bad) {
      const count = bad.filter(([, other]) => other === reason).length;
      expect(metrics).toContain(`tagstream_posts_dead_lettered_total{reason="${reason}"} ${count}`);
    }
    expect(metrics).toContain('tagstream_images_total{outcome="blocked_address"} 2');
  }, 120_000);
});
