import type { Reason } from '../domain/outcome.js';
import type { Letter } from './dead-letters.js';
import { adding, holds, type Range } from './ranges.js';

/** Which dead letters are meant, and whether they are only to be shown. */
export interface Selection {
  readonly reasons: readonly Reason[];
  /** Milliseconds since the epoch: when they were written, from and up to. */
  readonly since: number;
  readonly until: number;
  /** A record that was tried so often is not tried again. */
  readonly maxAttempts: number;
  readonly dryRun: boolean;
}

/** What became of a letter that was meant. */
export type Fate = 'replayed' | 'replayed before' | 'tried too often' | 'incomplete' | 'of another input';

/** Of each reason and partition: what was replayed. */
export type Done = Map<string, readonly Range[]>;
export const doneKey = (reason: Reason, partition: number): string => `${reason}/${partition}`;

/** What letters are chosen by. */
export interface Choice {
  readonly selection: Selection;
  /** The topic that they go back to. */
  readonly inputTopic: string;
  readonly done: Done;
  /** Of each reason and partition: the last letter so far that is not for ever left out. */
  readonly before: Map<string, bigint>;
}

/**
 * A letter's fate, `undefined` where it isn't meant; notes what is, or was, replayed. Those of a partition come once
 * each, in their order.
 */
export function decide(letter: Letter, { selection, inputTopic, done, before }: Choice): Fate | undefined {
  const { reason, partition, offset, timestamp, sourceTopic = inputTopic } = letter;
  const meant =
    selection.reasons.includes(reason) && timestamp >= selection.since && timestamp < selection.until;
  // What can never go back does not stand between two that have: ranges stretch over it, and must not be asked for it.
  const never = sourceTopic !== inputTopic ? 'of another input' : letter.complete ? undefined : 'incomplete';
  if (never !== undefined) return meant ? never : undefined;
  const key = doneKey(reason, partition);
  const ranges = done.get(key) ?? [];
  const fate = holds(ranges, offset)
    ? 'replayed before'
    : letter.attempt >= selection.maxAttempts
      ? 'tried too often'
      : 'replayed';
  if (fate === 'replayed before' || (meant && fate === 'replayed'))
    done.set(key, adding(ranges, offset, before.get(key)));
  before.set(key, offset);
  return meant ? fate : undefined;
}
