import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { consume, produce, type OracleRecord, type ProducedRecord } from './kafka-console.js';
import type { JavaTools } from './kafka-tools.js';

/** A real Kafka broker, with Kafka's own Java clients as the oracle for what stands in its topics. */
export interface Broker {
  readonly brokers: readonly string[];

  /** Creates a topic whose name starts with `prefix` and is used by nobody else, and returns the name. */
  createTopic(prefix: string, options?: TopicOptions): Promise<string>;

  /**
   * Reads a topic from its beginning with the Java console consumer, partitions in any order, each in its own.
   * It ends after `maxMessages` (the default: as many as the topic has offsets now), or when none came for `idleMs`.
   */
  consoleConsumer(topic: string, options?: ReadOptions): Promise<readonly OracleRecord[]>;

  /** Writes records with the Java console producer. Keys and values are single lines without a tab. */
  javaProduce(topic: string, records: readonly ProducedRecord[], options?: ProduceOptions): Promise<void>;

  /** Runs `use` with an admin client that is connected for that long. */
  withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T>;
}

export interface TopicOptions {
  readonly partitions?: number;
  /** Topic settings, such as `max.message.bytes`. */
  readonly configs?: Readonly<Record<string, string>>;
}

export interface ReadOptions {
  readonly maxMessages?: number;
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  readonly idleMs?: number;
}

export interface ProduceOptions {
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
}

/** What tests do with a broker, however it was started. */
export function connectTo(brokers: readonly string[], tools: JavaTools): Broker {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });

  const withAdmin = async <T>(use: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  };

  return {
    brokers,
    withAdmin,
    async createTopic(prefix, { partitions = 1, configs = {} } = {}) {
      const topic = `${prefix}-${randomUUID().slice(0, 8)}`;
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
      await withAdmin(async (admin) => {
        // kafkajs's own waiting ends in an error when the broker has not heard of the topic yet.
        await admin.createTopics({
          // As many copies as the broker makes by itself.
          topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
          waitForLeaders: false,
        });
        while (!(await hasLeaders(admin, topic))) await sleep(50);
      });
      return topic;
    },
    async consoleConsumer(topic, { maxMessages, isolation = 'read_committed', idleMs = 5_000 } = {}) {
      const ends = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
      const count = maxMessages ?? ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
      return count === 0 ? [] : consume(tools, brokers, topic, { maxMessages: count, isolation, idleMs });
    },
    javaProduce: (topic, records, { codec = 'none' } = {}) => produce(tools, brokers, topic, records, codec),
  };
}

/** Whether the leaders of all partitions answer. */
const hasLeaders = (admin: Admin, topic: string): Promise<boolean> =>
  admin.fetchTopicOffsets(topic).then(
    () => true,
    () => false,
  );
