import { expect, it } from 'vitest';
import { limitRepeats } from '../../src/telemetry/repeats.js';

it('lets five lines of a kind through in ten seconds, and tells with the next how many were left out', () => {
  let now = 0;
  const limit = limitRepeats(() => now);
  const lines = Array.from({ length: 1_000 }, () => limit('not_json'));
  expect(lines.filter((line) => line !== undefined)).toEqual(Array(5).fill({ leftOut: 0 }));
  now = 9_999;
  expect(limit('not_json')).toBeUndefined();
  now = 10_000;
  expect(limit('not_json')).toEqual({ leftOut: 996 });
  expect(limit('not_json')).toEqual({ leftOut: 0 });
});

it('counts each kind for itself', () => {
  const limit = limitRepeats(() => 0);
  for (let line = 0; line < 10; line += 1) limit('not_json');
  expect(limit('not_json')).toBeUndefined();
  expect(limit('empty')).toEqual({ leftOut: 0 });
});
