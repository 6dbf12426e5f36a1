import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/load.js';
import type { Settings } from '../../config/sources.js';
import { brokersUnreachable } from '../../domain/errors.js';
import { createKafka } from '../../kafka/client.js';
import { createLogger } from '../../telemetry/logger.js';
import type { Bench } from './suite.js';

/** Records of one request of the producer that fills a topic. */
const fillSize = 500;

/** A client of the configured brokers. */
export const clientOf = ({ kafka }: Config) => createKafka(kafka, createLogger('silent'));

/**
 * Makes an input topic that is full, an empty output and an empty dead-letter topic, and deletes them after their use.
 *
 * @param values of the input's records, which go to its partitions in turn
 * @param use is given the configuration with these topics and a group of its own
 * @throws InfrastructureError when no broker answers
 */
export async function withTopics<T>(
  bench: Bench,
  partitions: number,
  values: readonly string[],
  use: (config: Config) => Promise<T>,
): Promise<T> {
  const groupId = `tagstream-bench-${randomUUID().slice(0, 8)}`;
  const [inputTopic, outputTopic, deadLetterTopic] = ['in', 'out', 'dead'].map((end) => `${groupId}.${end}`);
  const topics: Settings = { inputTopic, outputTopic, deadLetterTopic, groupId };
  const config = bench.configWith({ kafka: topics });
  const { kafka } = config;
  const names = [kafka.inputTopic, kafka.outputTopic, kafka.deadLetterTopic];
  const client = clientOf(config);
  const admin = client.admin();
  await admin.connect().catch((error: unknown) => {
    throw brokersUnreachable(kafka.brokers, error);
  });
  try {
    await admin.createTopics({
      topics: names.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: -1 })),
      // kafkajs's own waiting ends in an error where a broker has not heard of the topic yet.
      waitForLeaders: false,
    });
    for (const topic of names) {
      while (await admin.fetchTopicOffsets(topic).then(isNothing, isError)) await sleep(50);
    }
    await fill(client, kafka.inputTopic, partitions, values);
    return await use(config);
  } finally {
    await admin.deleteTopics({ topics: names }).catch(() => undefined);
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
}

const isNothing = (offsets: readonly unknown[]): boolean => offsets.length === 0;
const isError = (): boolean => true;

async function fill(
  client: ReturnType<typeof clientOf>,
  topic: string,
  partitions: number,
  values: readonly string[],
): Promise<void> {
  const producer = client.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (let from = 0; from < values.length; from += fillSize) {
    const messages = values
      .slice(from, from + fillSize)
      .map((value, at) => ({ value, partition: (from + at) % partitions }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}
