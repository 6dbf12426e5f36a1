import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import type { Reason } from '../../src/domain/outcome.js';
import { decompressedLimit } from '../../src/kafka/codecs.js';
import { murmur2 } from '../../src/kafka/partitioner.js';
import { hostileImages } from '../support/hostile-images.js';
import { rawAnswers, startImageServer } from '../support/image-server.js';
import type { Input } from './oracle.js';
import type { Inject } from './run-fault.js';

/** Another producer's transactions interleave on the input topic, and some of them are aborted. */
export const abortsInterleaved: Inject = async (context) => {
  await context.working();
  const kafka = new Kafka({ brokers: [...context.broker.brokers], logLevel: logLevel.NOTHING });
  const producers = ['a', 'b', 'c'].map((name) =>
    kafka.producer({ transactionalId: `${context.inputTopic}-${name}`, maxInFlightRequests: 1 }),
  );
  await Promise.all(producers.map((producer) => producer.connect()));
  for (let round = 0; round < 10; round++) {
    const transactions = await Promise.all(producers.map((producer) => producer.transaction()));
    for (const transaction of [...transactions, ...transactions.toReversed()]) {
      const value = JSON.stringify({ id: `aborted-${round}`, text: 'never to be seen' });
      const messages = [0, 1].map((partition) => ({ key: Buffer.alloc(4), value, partition }));
      await transaction.send({ topic: context.inputTopic, messages });
      await context.feed(2);
    }
    for (const transaction of transactions) await transaction.abort();
  }
  await Promise.all(producers.map((producer) => producer.disconnect()));
};

/** Partitions are added to the input topic while the agents work, and get posts. */
export const partitionsAdded: Inject = async (context) => {
  context.start();
  await context.untilCommitted();
  await context.broker.withAdmin((admin) =>
    admin.createPartitions({ topicPartitions: [{ topic: context.inputTopic, count: 4 }] }),
  );
  await context.feed(80);
};

/** What Java's producer writes with each of its codecs. */
export const javaCodecs: Inject = async (context) => {
  await context.working();
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const posts = Array.from({ length: 100 }, (_, index) =>
      post(`post-${codec}-${index}`, `${codec} in the garden ${index} ${'of wild flowers '.repeat(20)}`),
    );
    await context.append(posts, (topic) =>
      context.broker.javaProduce(
        topic,
        posts.map(({ key, value }) => ({ key: key ?? '', value: String(value) })),
        { codec },
      ),
    );
  }
};

/** Records of every kind that is none, among good ones, and a batch that decompresses to more than an agent takes. */
export const poison: Inject = async (context) => {
  await context.working();
  for (let round = 0; round < 10; round++) {
    await context.append(poisonOf(round));
    await context.feed(20);
  }
  const { inputTopic } = context;
  await context.append(
    [{ name: 'undecodable_batch', reason: 'undecodable_batch', value: null, partition: 0 }],
    async () => {
      const kafka = new Kafka({ brokers: [...context.broker.brokers], logLevel: logLevel.NOTHING });
      const producer = kafka.producer();
      await producer.connect();
      const messages = [{ value: Buffer.alloc(decompressedLimit + 1), partition: 0 }];
      await producer.send({ topic: inputTopic, compression: CompressionTypes.GZIP, messages });
      await producer.disconnect();
    },
  );
  await context.append([{ name: 'invalid_post', reason: 'invalid_post', value: null, partition: 1 }]);
};

function poisonOf(round: number): readonly Input[] {
  const json = (content: unknown): string => JSON.stringify(content);
  const id = `poison-${round}`;
  const values = {
    not_json: [
      `{"id":"${id}","text":`,
      Buffer.concat([Buffer.from(id), Buffer.from([0xff, 0xfe, 0x00])]),
      Buffer.from([0, 1, 2, round]),
      ' '.repeat(round),
      `${'['.repeat(5_000)}${round}`,
    ],
    invalid_post: [
      `[${round}]`,
      `${round}`,
      `"${id}"`,
      json({ id }),
      json({ id: round, text: 7 }),
      json({ text: `no id ${id}` }),
      json({ id: id.repeat(200), text: 'a long id' }),
      `{"id":"${id}\\ud800","text":"half a letter"}`,
      json({ id, text: 'images of another kind', images: [{ round }] }),
      json({ data: { id } }),
    ],
    unsupported_format: [
      json({ specversion: '1.0', type: 'post', id }),
      json({ id_str: id, text: 'an old tweet' }),
    ],
    empty: [json({ id, text: ' ' })],
    too_long: [json({ id, text: 'long '.repeat(10_000) })],
  } as const satisfies Partial<Record<Reason, readonly (Buffer | string)[]>>;
  const deletion: Input = { name: `gone-${round}`, key: `gone-${round}`, value: null, partition: 0 };
  const letters = Object.entries(values).flatMap(([reason, some]) =>
    some.map((value, index) => ({
      name: String(value),
      reason: reason as Reason,
      value,
      partition: index % 2,
    })),
  );
  return [...letters, deletion];
}

/** Posts whose images are on a server that does everything wrong. */
export const hostileServer: Inject = async (context) => {
  const files = (await hostileImages()).filter(({ ends }) => !ends.includes('decoded'));
  const server = await startImageServer(
    new Map(files.map(({ bytes }, index) => [`${index}.jpg`, bytes] as const)),
  );
  context.finally(server.stop);
  const paths = [
    ...['slow-headers', 'slow-body', 'endless', 'drip', 'drip-headers', 'endless-headers', 'cut-off'],
    ...['announced/1000000000000', 'page.jpg', 'page.html', 'redirect-loop', 'redirects/9', 'status/500'],
    ...[
      'redirect?to=http://169.254.169.254/',
      'redirect?to=file:///etc/passwd',
      'late-redirect/900?to=/drip',
    ],
    ...Object.keys(rawAnswers).map((name) => `raw/${encodeURIComponent(name)}`),
    ...files.map((_, index) => `photos/${index}.jpg`),
  ];
  const wellKnown = { TAGSTREAM_IMAGES_ALLOW: server.allow, TAGSTREAM_IMAGES_TIMEOUT_MS: '2000' };
  // No host is left alone, so that all is tried.
  context.start({}, { ...wellKnown, TAGSTREAM_IMAGES_HOST_FAILURES: '1000000' });
  const posts = paths.map((path, index) =>
    post(`post-${path}`, `harbour ${index} at dawn`, [`${server.url}/${path}`], index % 2),
  );
  await context.append(posts);
  await context.untilCommitted();
  const asked = new Set(server.requests.map(({ path }) => path));
  const unasked = paths.filter((path) => !asked.has(`/${path}`));
  if (unasked.length > 0) throw new Error(`never asked for: ${unasked.join(', ')}`);
};

/** Posts, one in 16 of which waits 4.5 s for its photo, while agents are killed and others come and go. */
export const slowPhotos: Inject = async (context) => {
  const server = await startImageServer();
  context.finally(server.stop);
  const surroundings = {
    TAGSTREAM_IMAGES_ALLOW: server.allow,
    TAGSTREAM_IMAGES_HOST_FAILURES: '1000000',
    TAGSTREAM_IMAGES_HOST_CONCURRENCY: '256',
  };
  const posts = Array.from({ length: 600 }, (_, index) =>
    post(
      `post-slow-${index}`,
      `harbour ${index} at dusk`,
      [`${server.url}/late-gone/${index % 16 === 7 ? 4_500 : 300}/${index}`],
      index % 2,
    ),
  );
  await context.append(posts);
  const agent = context.start({}, surroundings);
  for (let turn = 1; turn <= 3; turn++) {
    await agent.untilSaid('partitions assigned');
    await sleep(2_000 + Math.random() * 3_000);
    await context.expectWork();
    agent.now.process.kill('SIGKILL');
    const guest = context.start({}, surroundings);
    await guest.untilSaid('partitions assigned');
    await sleep(2_000 + Math.random() * 3_000);
    await guest.stop();
  }
  await context.untilCommitted();
};

/** A post; without a partition, where its key sends it. */
function post(
  id: string,
  text: string,
  images: readonly string[] = [],
  partition = (murmur2(Buffer.from(id)) & 0x7fffffff) % 2,
): Input {
  return { name: id, key: id, value: JSON.stringify({ id, text, images }), partition };
}
