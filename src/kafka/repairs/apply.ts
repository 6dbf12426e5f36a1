import { createRequire } from 'node:module';
import { repairAbortedTransactions } from './aborted-transactions.js';
import { repairOutOfRange } from './out-of-range.js';
import { repairStoppedFetch } from './stopped-fetch.js';

let applied = false;

/** Repairs what is wrong in kafkajs 2.2.4, for the whole process, once. Each file says what it repairs and why. */
export function applyRepairs(): void {
  if (applied) return;
  applied = true;
  const require = createRequire(import.meta.url);
  repairAbortedTransactions(require);
  repairOutOfRange(require);
  repairStoppedFetch(require);
}
