import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from 'kafkajs';

/** Milliseconds: after a commit the brokers refuse the next transaction until they have told all partitions, some 50. */
const concurrent = { firstWait: 10, mostWait: 200, giveUpAfter: 10_000 } as const;

/** Makes committed offsets part of a transaction, as its first request: kafkajs does not repeat it where it must be. */
export async function sendOffsets(
  transaction: Transaction,
  offsets: Parameters<Transaction['sendOffsets']>[0],
): Promise<void> {
  const deadline = performance.now() + concurrent.giveUpAfter;
  for (let wait: number = concurrent.firstWait; ; wait = Math.min(2 * wait, concurrent.mostWait)) {
    try {
      return await transaction.sendOffsets(offsets);
    } catch (error) {
      if (!typesOf(error).includes('CONCURRENT_TRANSACTIONS') || performance.now() > deadline) throw error;
    }
    await sleep(wait);
  }
}

/** What the brokers called an error and its causes, where it was their answer. */
export function typesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { type } = error as Error & { readonly type?: string };
  return [...(type === undefined ? [] : [type]), ...typesOf(error.cause)];
}
