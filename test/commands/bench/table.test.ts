import { expect, it } from 'vitest';
import { tableOf } from '../../../src/commands/bench/table.js';

it('a report’s figures stand in a table, each with where it is from', () => {
  const spread = { median: 2, min: 1, max: 3.5 };
  const report = {
    machine: { cpu: 'x', processors: 2 },
    ratios: { twoWorkersOverOne: spread },
    posts: [{ workers: 1, photo: true, postsPerSecond: spread }],
  };
  expect(tableOf(report).split('\n')).toEqual([
    '                                           median  min  max',
    'ratios twoWorkersOverOne                        2    1  3.5',
    'posts workers=1 photo=true postsPerSecond       2    1  3.5',
  ]);
});
