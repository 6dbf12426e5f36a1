import { expect, it } from 'vitest';
import { evaluate } from '../../src/evaluation/measures.js';
import { formatTable } from '../../src/evaluation/table.js';

const evaluation = evaluate([
  { gold: ['a'], predicted: ['a'], text: '' },
  { gold: ['a'], predicted: ['b', 'a'], text: '' },
  { gold: ['a'], predicted: [], text: '' },
]);

it('shows a row for all, present and absent phrases, and dashes where there are no posts', () => {
  expect(formatTable(evaluation)).toBe(
    [
      '         posts   F1@1   F1@3  MAP@5  NDCG@5',
      'all          3  33.33  57.14  50.00   54.36',
      'present      0      –      –      –       –',
      'absent       3  33.33  57.14  50.00   54.36',
    ].join('\n'),
  );
});

it('shows the confidence interval of F1@1 where it is given', () => {
  expect(formatTable(evaluation, { low: 0, high: 66.666 })).toMatch(/\n\nF1@1, 95% interval: 0.00 to 66.67$/);
});

it('shows the calibration where it is given', () => {
  const calibration = { posts: 3, meanScore: 0.5, right: 1 / 3, error: 0.25 };
  expect(formatTable(evaluation, { low: 0, high: 66.666 }, calibration)).toMatch(
    /66.67\nFirst phrases: mean score 0.500, right 0.333, expected calibration error 0.250$/,
  );
});
