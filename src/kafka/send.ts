import {
  CompressionTypes,
  Partitioners,
  type ProducerConfig,
  type RecordMetadata,
  type Sender,
} from 'kafkajs';
import type { OutgoingRecord } from './partitioner.js';
import { withinBytes } from './record-size.js';

export interface SendOptions {
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** The largest record that the brokers take, in bytes: no batch of records is larger either. */
  readonly maxRecordBytes: number;
}

/** Milliseconds after which the topics' partitions are asked for anew; Java's producers use the same. */
export const metadataMaxAgeMs = 300_000;

/**
 * kafkajs loses or doubles messages when sends run side by side, when it retries one, or when a producer goes on after
 * an error: so there is one send at a time, never a second attempt, and a new producer after each error.
 */
export const producerOptions: ProducerConfig = {
  // Never asked, as each record brings its partition; kafkajs warns of its absence.
  createPartitioner: Partitioners.DefaultPartitioner,
  retry: { retries: 0 },
  maxInFlightRequests: 1,
  allowAutoTopicCreation: false,
  metadataMaxAge: metadataMaxAgeMs,
};

const compressionTypes = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

/**
 * Sends records in their order, in as many requests as their size asks for.
 *
 * @throws KafkaJSError, or an error where the broker left one of them out of its answer
 */
export async function sendAll(
  sender: Pick<Sender, 'sendBatch'>,
  records: readonly OutgoingRecord[],
  { compression, maxRecordBytes }: SendOptions,
): Promise<void> {
  for (const run of withinBytes(records, maxRecordBytes)) {
    const topics = [...new Set(run.map(({ topic }) => topic))];
    const acknowledged = await sender.sendBatch({
      topicMessages: topics.map((topic) => ({
        topic,
        messages: run
          .filter((record) => record.topic === topic)
          .map(({ message, partition }) => ({ ...message, partition })),
      })),
      acks: -1,
      compression: compressionTypes[compression],
    });
    expectAll(run, acknowledged);
  }
}

/** kafkajs can resolve a send that lost messages on the way, when a partition's leader moves: only what is named is out. */
function expectAll(sent: readonly OutgoingRecord[], acknowledged: readonly RecordMetadata[]): void {
  const lost = sent.find(
    ({ topic, partition }) =>
      !acknowledged.some(
        (metadata) =>
          metadata.topicName === topic && metadata.partition === partition && metadata.errorCode === 0,
      ),
  );
  if (lost !== undefined) {
    throw new Error(`the broker did not acknowledge partition ${lost.partition} of ${lost.topic}`);
  }
}
