/** A figure that was measured several times. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The value that this share of the values is not above: 0.5 is the median, between two the mean of both. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const at = share * (sorted.length - 1);
  const [below = NaN, above = NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

/** Median, least and greatest of what was measured, to three digits. */
export function spreadOf(values: readonly number[]): Spread {
  return {
    median: rounded(quantile(values, 0.5)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
  };
}

/** The ratio of two figures that were measured in turn: that of each round, and of these the median. */
export function ratioOf(over: readonly number[], under: readonly number[]): Spread {
  return spreadOf(over.map((value, round) => value / (under[round] ?? NaN)));
}

/** For each measurement what its rounds gave. */
type Rounds<M> = { [K in keyof M]: M[K] extends (() => Promise<infer T>) | undefined ? T[] : never };

/**
 * Measures in turn, round after round: A B A B. What changes on the machine meanwhile meets all alike.
 *
 * @returns for each measurement what its rounds gave
 */
export async function inTurn<M extends Readonly<Record<string, () => Promise<unknown>>>>(
  rounds: number,
  measurements: M,
): Promise<Rounds<M>> {
  const measured = Object.entries(measurements).map(([name, measure]) => ({
    name,
    measure,
    values: [] as unknown[],
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { measure, values } of measured) values.push(await measure());
  }
  return Object.fromEntries(measured.map(({ name, values }) => [name, values])) as Rounds<M>;
}

/** The same for the points of a curve. */
export async function pointsInTurn<P, T>(
  rounds: number,
  points: readonly P[],
  measure: (point: P) => Promise<T>,
): Promise<{ readonly point: P; readonly measured: readonly T[] }[]> {
  const measured = await inTurn(
    rounds,
    Object.fromEntries(points.map((point, index) => [`point ${index}`, () => measure(point)])),
  );
  return points.map((point, index) => ({ point, measured: measured[`point ${index}`] ?? [] }));
}

/** A figure to three digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
