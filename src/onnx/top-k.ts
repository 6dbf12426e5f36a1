/** A column of a row of scores. */
export interface Score {
  readonly index: number;
  readonly score: number;
}

/** The `limit` highest of a row of scores, best first; of equal scores the first column's comes first. */
export function topK(row: Float32Array | Float64Array, limit: number): Score[] {
  const best: Score[] = [];
  // Nearly all scores are below the last of the best: they cost one comparison.
  let least = -Infinity;
  for (let index = 0; index < row.length; index++) {
    const score = row[index] ?? -Infinity;
    if (best.length === limit && score <= least) continue;
    best.splice(placeOf(score, best), 0, { index, score });
    if (best.length > limit) best.pop();
    least = best.at(-1)?.score ?? -Infinity;
  }
  return best;
}

/** Where a score goes among sorted ones: behind all that are as high, found by halving. */
function placeOf(score: number, sorted: readonly Score[]): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle]?.score ?? -Infinity) >= score) from = middle + 1;
    else to = middle;
  }
  return from;
}
