import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, Partitioners, type EachBatchPayload, type Producer } from 'kafkajs';
import { startAgent } from '../../agent.js';
import type { Config } from '../../config/load.js';
import { emptyResultOf, idOf } from './empty-tagger.js';
import { ModelSlot } from '../../serving/model-slot.js';
import { expectTagged } from './embedded.js';
import { clientOf } from './topics.js';
import type { Tagger } from './suite.js';

/** What came of a full topic. */
export interface KafkaThroughput {
  readonly recordsPerSecond: number;
  /** Records of each partition that were done when half of all were. */
  readonly doneAtHalf: readonly number[];
}

/**
 * Counts the records that are done, and says when all are.
 *
 * @param warmUp records that go before those that are measured
 */
function counter(total: number, partitions: number, warmUp: number) {
  let done = 0;
  let start: number | undefined;
  let doneAtHalf: readonly number[] = [];
  const perPartition = new Array<number>(partitions).fill(0);
  let finish: (found: KafkaThroughput) => void = () => undefined;
  const finished = new Promise<KafkaThroughput>((resolve) => (finish = resolve));
  return {
    finished,
    /** A record was read. */
    begin(): void {
      start ??= performance.now();
    },
    add(partition: number, records: number): void {
      done += records;
      perPartition[partition] = (perPartition[partition] ?? 0) + records;
      const now = performance.now();
      if (done <= warmUp) start = now;
      if (doneAtHalf.length === 0 && done >= total / 2) doneAtHalf = [...perPartition];
      const seconds = (now - (start ?? now)) / 1000;
      if (done >= total) finish({ recordsPerSecond: (total - warmUp) / seconds, doneAtHalf });
    },
  };
}

/** What a measurement of a full topic goes by. */
export interface FullTopic {
  /** Records that the topic holds. */
  readonly total: number;
  readonly partitions: number;
  /** How many of them are done before the clock starts; 0: it starts when the first is read. */
  readonly warmUp: number;
}

/** The same tagger, which says when it is given a record. */
function watching({ slot, ...tagger }: Tagger, seen: () => void): Tagger {
  const { live } = slot;
  const steps: typeof live.steps = {
    ...live.steps,
    decodeRecord(record) {
      seen();
      return live.steps.decodeRecord(record);
    },
  };
  return { ...tagger, slot: new ModelSlot({ ...live, steps }) };
}

/**
 * Has an agent tag all records of its input topic.
 *
 * @throws StoppedError where not every one was tagged
 */
export async function tagFromKafka(
  config: Config,
  tagger: Tagger,
  { total, partitions, warmUp }: FullTopic,
): Promise<KafkaThroughput> {
  const count = counter(total, partitions, warmUp);
  let tagged = 0;
  const agent = await startAgent(config, {
    transport: { kind: 'kafka' },
    web: false,
    tagger: watching(tagger, count.begin),
    observe(outcomes) {
      tagged += outcomes.filter(({ kind }) => kind === 'tagged').length;
      count.add(outcomes[0]?.position.partition ?? 0, outcomes.length);
    },
  });
  const throughput = await Promise.race([count.finished, agent.finished]);
  await agent.stop('all is measured');
  expectTagged(tagged, total);
  return typeof throughput === 'string' ? { recordsPerSecond: NaN, doneAtHalf: [] } : throughput;
}

/**
 * The least that a program on kafkajs does for the same guarantees, with one partition: it reads committed records, and
 * writes each chunk's results with the offset to go on from in one transaction of one transactional id.
 */
export async function passThroughKafkajs(
  config: Config,
  { total, warmUp }: Omit<FullTopic, 'partitions'>,
): Promise<number> {
  const { kafka } = config;
  const count = counter(total, 1, warmUp);
  const consumer = clientOf(config).consumer({
    groupId: kafka.groupId,
    maxBytesPerPartition: kafka.fetchBytes,
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
  });
  const producer = clientOf(config).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    transactionalId: `${kafka.groupId}/bare`,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: { retries: 0 },
  });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topics: [kafka.inputTopic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch(payload) {
      count.begin();
      const { messages } = payload.batch;
      for (let from = 0; from < messages.length; from += kafka.chunkSize) {
        const chunk = messages.slice(from, from + kafka.chunkSize);
        await writeChunk(kafka, producer, payload, chunk);
        count.add(0, chunk.length);
        await payload.heartbeat();
      }
    },
  });
  const { recordsPerSecond } = await count.finished;
  await consumer.disconnect();
  await producer.disconnect();
  return recordsPerSecond;
}

async function writeChunk(
  { groupId, inputTopic, outputTopic }: Config['kafka'],
  producer: Producer,
  { resolveOffset }: EachBatchPayload,
  chunk: EachBatchPayload['batch']['messages'],
): Promise<void> {
  const messages = chunk.map(({ value }) => {
    const id = idOf(value);
    const headers = { 'content-type': 'application/json' };
    return { key: id, value: JSON.stringify(emptyResultOf(id)), headers, partition: 0 };
  });
  const last = chunk.at(-1)?.offset ?? '0';
  const offset = (BigInt(last) + 1n).toString();
  const transaction = await producer.transaction();
  const offsets = {
    consumerGroupId: groupId,
    topics: [{ topic: inputTopic, partitions: [{ partition: 0, offset }] }],
  };
  // After a commit the brokers refuse the next transaction for a moment, and kafkajs does not repeat this request.
  while (await transaction.sendOffsets(offsets).then(isSent, isConcurrent)) await sleep(10);
  await transaction.sendBatch({
    topicMessages: [{ topic: outputTopic, messages }],
    acks: -1,
    compression: CompressionTypes.LZ4,
  });
  await transaction.commit();
  resolveOffset(last);
}

const isSent = (): boolean => false;

function isConcurrent(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as { type?: string }).type === 'CONCURRENT_TRANSACTIONS') return true;
  }
  throw error;
}
