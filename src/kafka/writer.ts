import type { Kafka } from 'kafkajs';
import type { ResultBatch } from '../domain/outcome.js';
import type { OutgoingRecord } from './partitioner.js';
import { producerOptions, sendAll, type SendOptions } from './send.js';

/** A producer's life, from its start to its first error: after that it is good for nothing but to be closed. */
export interface Writer {
  /** Writes the records that a batch of results became. */
  write(batch: ResultBatch, records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Writes at least once: what fails is tried again, and may have been written before. The source commits the offsets. */
export async function openWriter(kafka: Kafka, options: SendOptions): Promise<Writer> {
  const producer = kafka.producer(producerOptions);
  await producer.connect();
  return {
    write: (_batch, records) => sendAll(producer, records, options),
    close: () => producer.disconnect(),
  };
}
