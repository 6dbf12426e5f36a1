import type { Kafka } from 'kafkajs';

/** A topic with the number of its partitions. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: number;
}

/**
 * Asks the brokers for topics, in the order of `names`; a topic that does not exist has 0 partitions.
 *
 * @throws KafkaJSError when no broker answers
 */
export async function describeTopics(
  kafka: Kafka,
  names: readonly string[],
): Promise<readonly TopicPartitions[]> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const existing = await admin.listTopics();
    const { topics } = await admin.fetchTopicMetadata({
      topics: names.filter((name) => existing.includes(name)),
    });
    return names.map((topic) => ({
      topic,
      partitions: topics.find(({ name }) => name === topic)?.partitions.length ?? 0,
    }));
  } finally {
    await admin.disconnect();
  }
}
