import type { Calibration } from './calibration.js';
import type { ConfidenceInterval } from './confidence-interval.js';
import type { Evaluation, Scores } from './measures.js';

const header = ['', 'posts', 'F1@1', 'F1@3', 'MAP@5', 'NDCG@5'] as const;

/** The measures as lines of text: one row for all phrases, one for the present and one for the absent. */
export function formatTable(
  { all, present, absent }: Evaluation,
  f1At1?: ConfidenceInterval,
  calibration?: Calibration,
): string {
  const rows = [header, row('all', all), row('present', present), row('absent', absent)];
  const widths = header.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  const notes = [
    ...(f1At1 === undefined ? [] : [`F1@1, 95% interval: ${percent(f1At1.low)} to ${percent(f1At1.high)}`]),
    ...(calibration === undefined ? [] : [firstPhrases(calibration)]),
  ];
  return [...lines, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

function row(name: string, { posts, f1At1, f1At3, mapAt5, ndcgAt5 }: Scores): readonly string[] {
  const figures = [f1At1, f1At3, mapAt5, ndcgAt5];
  return [name, String(posts), ...figures.map((figure) => (posts === 0 ? '–' : percent(figure)))];
}

function firstPhrases({ meanScore, right, error }: Calibration): string {
  const [score, share, gap] = [meanScore, right, error].map((figure) => figure.toFixed(3));
  return `First phrases: mean score ${score}, right ${share}, expected calibration error ${gap}`;
}

function percent(figure: number): string {
  return figure.toFixed(2);
}
