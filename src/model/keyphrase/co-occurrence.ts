import type { ModelInput } from '../input.js';
import { termsOf, type Field } from './terms.js';

/** How strongly the terms of a field speak for a label. */
export interface Share {
  /** The label's largest share in one of the terms. */
  readonly largest: number;
  /** The sum of its shares in all of them. */
  readonly total: number;
  /** The sum of log(1 + share / the label's share of all posts): how much more often than otherwise it goes with them. */
  readonly lift: number;
}

export const noShare: Share = { largest: 0, total: 0, lift: 0 };

/**
 * How often terms and labels went together in labelled posts. A label's share in a term is the number of posts with
 * both over the number of posts with the term plus `shrink`: rare terms say less.
 */
export interface CoOccurrence {
  /** How many posts had the label. */
  postsWith(label: number): number;
  /** The share of another label among the posts that had this one. */
  shareBeside(label: number, other: number): number;
  /** The labels that went with any of a field's terms. */
  sharesOf(field: Field, terms: readonly string[]): ReadonlyMap<number, Share>;
  /** Takes in one more labelled post. */
  add(post: ModelInput, labels: readonly number[]): void;
}

/** Numbers of posts, as the bundle's file holds them. */
export interface CoOccurrenceCounts {
  /** All posts that had a label. */
  readonly posts: number;
  /** By label. */
  readonly labels: Readonly<Record<string, number>>;
  /** By label and other label: the posts with both. */
  readonly together: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By field and term: the posts with the term, then a label and the posts with both, a further label, and so on. */
  readonly fields: Readonly<Partial<Record<Field, Readonly<Record<string, readonly number[]>>>>>;
}

interface TermCounts {
  posts: number;
  /** Posts with the term and the label, by label. */
  readonly labels: Map<number, number>;
}

export function createCoOccurrence(counts: CoOccurrenceCounts, shrink: number): CoOccurrence {
  let posts = counts.posts;
  const withLabel = byNumber(counts.labels);
  const together = new Map(
    Object.entries(counts.together).map(([label, others]) => [Number(label), byNumber(others)]),
  );
  const byField = new Map(
    Object.entries(counts.fields).map(([field, terms]) => [field as Field, createFieldCounts(terms)]),
  );

  return {
    postsWith: (label) => withLabel.get(label) ?? 0,
    shareBeside: (label, other) =>
      (together.get(label)?.get(other) ?? 0) / ((withLabel.get(label) ?? 0) + shrink),
    sharesOf(field, terms) {
      const shares = new Map<number, { -readonly [K in keyof Share]: Share[K] }>();
      for (const term of terms) {
        byField.get(field)?.each(term, (label, both, all) => {
          const share = both / (all + shrink);
          const sums = getOrAdd(shares, label, () => ({ ...noShare }));
          sums.largest = Math.max(sums.largest, share);
          sums.total += share;
          sums.lift += Math.log(1 + (share * posts) / (withLabel.get(label) ?? posts));
        });
      }
      return shares;
    },
    add(post, labels) {
      if (labels.length === 0) return;
      posts += 1;
      for (const label of labels) {
        increase(withLabel, label);
        const others = getOrAdd(together, label, () => new Map<number, number>());
        for (const other of labels) if (other !== label) increase(others, other);
      }
      const termsBy = termsOf(post);
      for (const [field, counted] of byField) {
        for (const term of termsBy[field]) counted.add(term, labels);
      }
    },
  };
}

/** A field's terms with their numbers of posts. */
interface FieldCounts {
  /** Calls back for each label that went with a term: the posts with both, and all posts with the term. */
  each(term: string, visit: (label: number, both: number, all: number) => void): void;
  add(term: string, labels: readonly number[]): void;
}

/**
 * The counts that a bundle brings lie in one array of numbers, a tenth of what maps would take; a term that is added to
 * gets a map of its own.
 */
function createFieldCounts(terms: Readonly<Record<string, readonly number[]>>): FieldCounts {
  const rows = Object.entries(terms);
  const numbers = new Int32Array(rows.reduce((sum, [, row]) => sum + row.length, 0));
  const spans = new Map<string, readonly [from: number, to: number]>();
  let end = 0;
  for (const [term, row] of rows) {
    numbers.set(row, end);
    spans.set(term, [end, end + row.length]);
    end += row.length;
  }
  const added = new Map<string, TermCounts>();

  function each(term: string, visit: (label: number, both: number, all: number) => void): void {
    const own = added.get(term);
    if (own !== undefined) {
      for (const [label, both] of own.labels) visit(label, both, own.posts);
      return;
    }
    const [from, to] = spans.get(term) ?? [0, 0];
    for (let at = from + 1; at < to; at += 2)
      visit(numbers[at] ?? 0, numbers[at + 1] ?? 0, numbers[from] ?? 0);
  }

  return {
    each,
    add(term, labels) {
      const counted = getOrAdd(added, term, () => {
        const own: TermCounts = { posts: numbers[spans.get(term)?.[0] ?? -1] ?? 0, labels: new Map() };
        each(term, (label, both) => own.labels.set(label, both));
        return own;
      });
      counted.posts += 1;
      for (const label of labels) increase(counted.labels, label);
    },
  };
}

function byNumber(counts: Readonly<Record<string, number>>): Map<number, number> {
  return new Map(Object.entries(counts).map(([key, count]) => [Number(key), count]));
}

function increase(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = create();
  map.set(key, made);
  return made;
}
