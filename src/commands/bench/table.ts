import type { Spread } from './statistics.js';

/** The figures of a report as lines of text: where each stands, with its median, least and greatest. */
export function tableOf(report: object): string {
  const rows = [['', 'median', 'min', 'max'], ...rowsOf(report, [])];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rowsOf(value: object, path: readonly string[]): readonly (readonly string[])[] {
  if (isSpread(value)) {
    return [[path.join(' '), ...[value.median, value.min, value.max].map(String)]];
  }
  const entries = Object.entries(value) as [string, unknown][];
  return entries.flatMap(([key, inner]) => {
    if (typeof inner !== 'object' || inner === null) return [];
    return rowsOf(inner, [...path, ...(Array.isArray(value) ? named(inner) : [key])]);
  });
}

/** What tells an entry of a list from the others: its plain values. */
const named = (entry: object): readonly string[] =>
  Object.entries(entry)
    .filter(([, plain]) => typeof plain !== 'object')
    .map(([key, plain]) => `${key}=${String(plain)}`);

const isSpread = (value: object): value is Spread => 'median' in value && 'min' in value && 'max' in value;
