import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topK } from '../../src/onnx/top-k.js';

describe('the highest scores of a row', () => {
  it('are those that sorting the whole row would give, of equal ones the first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -10, max: 10 }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 60 }),
        (scores, limit) => {
          const sorted = scores
            .map((score, index) => ({ index, score }))
            .sort((a, b) => b.score - a.score || a.index - b.index)
            .slice(0, limit);
          expect(topK(Float32Array.from(scores), limit)).toEqual(sorted);
        },
      ),
    );
  });
});
