import type { Consumer, Kafka, KafkaMessage } from 'kafkajs';
import { StoppedError } from '../domain/errors.js';

/** That a signal came before the end. */
export const stoppedEarly = (): StoppedError =>
  new StoppedError(
    'stopped before the end of the dead letters: run replay again for the rest; each goes back once',
  );

interface Reading {
  readonly topic: string;
  readonly stopping: AbortSignal;
}

/**
 * Reads a topic from its beginning to where it ends now. Nothing is handed out any more once `take` has failed.
 *
 * @throws StoppedError when `stopping` is aborted before the end, and never while `take` is at work
 */
export async function readAll(
  kafka: Kafka,
  consumer: Consumer,
  { topic, stopping }: Reading,
  take: (partition: number, messages: readonly KafkaMessage[]) => Promise<void>,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const unread = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, BigInt(high)]),
  );
  if (unread.size === 0) return;
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let failed = false;
  let taking = false;
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      if (!taking) reject(stoppedEarly());
    };
    if (stopping.aborted) {
      stop();
      return;
    }
    stopping.addEventListener('abort', stop, { once: true });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      reject(payload.error);
    });
    // It is told of control records, too, which nobody is handed.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      if (BigInt(lastOffset) + 1n >= (unread.get(partition) ?? 0n)) unread.delete(partition);
      if (unread.size === 0) resolve();
      else if (stopping.aborted) stop();
    });
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch: { partition, messages } }) => {
          // What comes after a failure would pass over what failed.
          if (failed || stopping.aborted) return;
          const end = unread.get(partition) ?? 0n;
          const wanted = messages.filter(({ offset }) => BigInt(offset) < end);
          taking = true;
          await take(partition, wanted)
            .catch((error: unknown) => {
              failed = true;
              reject(error instanceof Error ? error : new Error(String(error)));
            })
            .finally(() => (taking = false));
        },
      })
      .catch(reject);
  });
}
