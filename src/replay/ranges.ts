/** Offsets from `from` up to, and not with, `to`. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export const holds = (ranges: readonly Range[], offset: bigint): boolean =>
  ranges.some(({ from, to }) => from <= offset && offset < to);

/**
 * Adds an offset to ascending ranges. The range that holds the one before it is stretched to it: what lies between two
 * dead letters of one reason is none of that reason.
 *
 * @param before the offset of the letter before, where there is one
 */
export function adding(
  ranges: readonly Range[],
  offset: bigint,
  before: bigint | undefined,
): readonly Range[] {
  const from = before === undefined ? undefined : ranges.find((range) => holds([range], before))?.from;
  const to = ranges.find((range) => holds([range], offset))?.to;
  const merged = { from: from ?? offset, to: to ?? offset + 1n };
  const apart = ranges.filter((range) => range.to <= merged.from || range.from >= merged.to);
  return [...apart, merged].sort((a, b) => (a.from < b.from ? -1 : 1));
}

/** As text that fits a committed offset's metadata: "3-5,9-12". */
export const toText = (ranges: readonly Range[]): string =>
  ranges.map(({ from, to }) => `${from}-${to}`).join(',');

export function fromText(text: string): readonly Range[] {
  return [...text.matchAll(/(\d+)-(\d+)/g)].map(([, from = '0', to = '0']) => ({
    from: BigInt(from),
    to: BigInt(to),
  }));
}
