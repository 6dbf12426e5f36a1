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
    Object.entries(counts.fields).map(([field, terms]) => [
      field as Field,
      new Map(Object.entries(terms).map(read)),
    ]),
  );

  return {
    postsWith: (label) => withLabel.get(label) ?? 0,
    shareBeside: (label, other) =>
      (together.get(label)?.get(other) ?? 0) / ((withLabel.get(label) ?? 0) + shrink),
    sharesOf(field, terms) {
      const shares = new Map<number, Share>();
      for (const term of terms) {
        const counted = byField.get(field)?.get(term);
        if (counted === undefined) continue;
        for (const [label, both] of counted.labels) {
          const share = both / (counted.posts + shrink);
          const { largest, total, lift } = shares.get(label) ?? noShare;
          shares.set(label, {
            largest: Math.max(largest, share),
            total: total + share,
            lift: lift + Math.log(1 + (share * posts) / (withLabel.get(label) ?? posts)),
          });
        }
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
      for (const [field, terms] of byField) {
        for (const term of termsBy[field]) {
          const counted = getOrAdd(terms, term, () => ({ posts: 0, labels: new Map<number, number>() }));
          counted.posts += 1;
          for (const label of labels) increase(counted.labels, label);
        }
      }
    },
  };
}

function read([term, [posts = 0, ...labels]]: [string, readonly number[]]): [string, TermCounts] {
  const counted = new Map<number, number>();
  for (let at = 0; at < labels.length; at += 2) counted.set(labels[at] ?? 0, labels[at + 1] ?? 0);
  return [term, { posts, labels: counted }];
}

function byNumber(counts: Readonly<Record<string, number>>): Map<number, number> {
  return new Map(Object.entries(counts).map(([key, count]) => [Number(key), count]));
}

function increase(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key) ?? create();
  map.set(key, found);
  return found;
}
