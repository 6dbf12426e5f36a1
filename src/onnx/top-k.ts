/** A column of a row of scores. */
export interface Score {
  readonly index: number;
  readonly score: number;
}

/**
 * The `limit` highest of a row of scores, best first; of equal scores the first column's comes first.
 *
 * The best so far are a binary heap with the worst of them on top, so nearly all scores cost one comparison.
 */
export function topK(row: Float32Array | Float64Array, limit: number): Score[] {
  const size = Math.min(limit, row.length);
  if (size === 0) return [];
  const heap = new Int32Array(size);
  const scoreAt = (position: number): number => row[heap[position] ?? 0] ?? -Infinity;
  /** Whether one position's column is to be left out before another's. */
  const isWorse = (one: number, other: number): boolean =>
    scoreAt(one) < scoreAt(other) ||
    (scoreAt(one) === scoreAt(other) && (heap[one] ?? 0) > (heap[other] ?? 0));
  const sink = (from: number): void => {
    for (let at = from; ;) {
      const left = 2 * at + 1;
      if (left >= size) return;
      const child = left + 1 < size && isWorse(left + 1, left) ? left + 1 : left;
      if (!isWorse(child, at)) return;
      const kept = heap[at] ?? 0;
      heap[at] = heap[child] ?? 0;
      heap[child] = kept;
      at = child;
    }
  };
  for (let index = 0; index < size; index++) heap[index] = index;
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(at);
  let least = scoreAt(0);
  for (let index = size; index < row.length; index++) {
    if ((row[index] ?? -Infinity) <= least) continue;
    heap[0] = index;
    sink(0);
    least = scoreAt(0);
  }
  return Array.from(heap, (index) => ({ index, score: row[index] ?? -Infinity })).sort(
    (one, other) => other.score - one.score || one.index - other.index,
  );
}
