import { isDeepStrictEqual } from 'node:util';
import type { Reason, TaggedPost } from '../../src/domain/outcome.js';
import type { OracleRecord } from '../support/kafka-console.js';

/** A record of the input. */
export interface Input {
  /** A post's id, or the value of what is no post and is to be dead-lettered; the reason, where the dead letter has no value. */
  readonly name: string;
  /** Why it is dead-lettered, where it is to be. */
  readonly reason?: Reason;
  readonly key?: string;
  readonly value: Buffer | string | null;
  readonly partition: number;
}

/** What became of the records of an input, as Java's `read_committed` consumer sees it. */
export interface Verdict {
  /** Records without an outcome. */
  readonly lost: readonly string[];
  /** Records with more than one, and outcomes of nothing that was there. */
  readonly doubled: readonly string[];
  /** Results with other phrases than where nothing goes wrong, or in another order, and dead letters for another reason. */
  readonly different: readonly string[];
  /** Outcomes that came before one of an earlier record of the same partitions. */
  readonly outOfOrder: readonly string[];
}

/** Scores may differ by so much between batches. */
const tolerance = 1e-3;

/**
 * @param inputs in the order of each partition
 * @param faultFree the posts' results where nothing goes wrong
 */
export function judge(
  inputs: readonly Input[],
  results: readonly OracleRecord[],
  deadLetters: readonly OracleRecord[],
  faultFree: ReadonlyMap<string, TaggedPost>,
): Verdict {
  const names = inputs.map(({ name }) => name);
  const reasons = new Map(inputs.map(({ name, reason }) => [name, reason]));
  const deletions = new Set(
    inputs.filter(({ key, value }) => key !== undefined && value === null).map(({ name }) => name),
  );
  /** A post's id; or what is wrong, which is the name of no record, where key, value and post do not go together. */
  const resultName = ({ key, value }: OracleRecord): string => {
    const name = String(key);
    if (value === null) return deletions.has(name) ? name : `a deletion of ${name}`;
    const { id } = JSON.parse(String(value)) as TaggedPost;
    return id === name && !deletions.has(name) ? name : `a result of ${id} for ${name}`;
  };
  const found = [...results.map(resultName), ...deadLetters.map(letterName)];
  const counts = new Map(names.map((name) => [name, 0]));
  const doubled = found.filter((name) => {
    const before = counts.get(name);
    counts.set(name, (before ?? 0) + 1);
    return before !== 0;
  });
  // The result of a deletion has no value.
  const tagged = results.flatMap(({ value }) =>
    value === null ? [] : [JSON.parse(String(value)) as TaggedPost],
  );
  return {
    lost: names.filter((name) => counts.get(name) === 0),
    doubled,
    different: [
      ...tagged.filter((result) => !isSame(result, faultFree.get(result.id))).map(({ id }) => id),
      ...deadLetters.filter((letter) => reasonOf(letter) !== reasons.get(letterName(letter))).map(letterName),
    ],
    outOfOrder: [named(results, resultName), named(deadLetters, letterName)].flatMap((some) =>
      outOfOrder(inputs, some),
    ),
  };
}

const named = (records: readonly OracleRecord[], name: (record: OracleRecord) => string) =>
  records.map((record) => [name(record), record] as const);
const reasonOf = ({ headers }: OracleRecord): string => String(headers['tagstream-reason']);
const letterName = (letter: OracleRecord): string => String(letter.value ?? reasonOf(letter));

/** Whether keyphrases, where they stand, and entities are the same. */
function isSame(a: TaggedPost, b: TaggedPost | undefined): boolean {
  if (b === undefined) return false;
  const scoreless = ({ keyphrases, entities }: TaggedPost): unknown =>
    [...keyphrases, ...entities].map((found) => ({ ...found, score: 0 }));
  return (
    isDeepStrictEqual(scoreless(a), scoreless(b)) &&
    a.keyphrases.every(({ score }, rank) => Math.abs(score - (b.keyphrases[rank]?.score ?? 2)) <= tolerance)
  );
}

/** Within a partition of the output the outcomes of one partition of the input keep their order. */
function outOfOrder(inputs: readonly Input[], outcomes: readonly (readonly [name: string, OracleRecord])[]) {
  const places = new Map(inputs.map(({ name }, index) => [name, index]));
  const latest = new Map<string, number>();
  return outcomes.flatMap(([name, { partition }]) => {
    const place = places.get(name) ?? -1;
    const lane = `${partition}/${inputs[place]?.partition}`;
    const isLate = place < (latest.get(lane) ?? -1);
    latest.set(lane, place);
    return isLate ? [name] : [];
  });
}
