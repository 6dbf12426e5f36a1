import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageTensors, textTensors, topScores } from '../../src/inference/tensors.js';

describe('the tensors of a batch', () => {
  it('pad every post to the longest, with a mask over what is real', () => {
    const tensors = textTensors([
      { ids: [101, 7, 102], types: [0, 0, 0] },
      { ids: [101, 8, 102, 9, 102], types: [0, 0, 0, 1, 1] },
    ]);
    expect(tensors['input_ids']).toEqual({
      type: 'int64',
      shape: [2, 5],
      data: BigInt64Array.from([101n, 7n, 102n, 0n, 0n, 101n, 8n, 102n, 9n, 102n]),
    });
    expect(tensors['attention_mask']?.data).toEqual(
      BigInt64Array.from([1n, 1n, 1n, 0n, 0n, 1n, 1n, 1n, 1n, 1n]),
    );
    expect(tensors['token_type_ids']?.data).toEqual(
      BigInt64Array.from([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 1n, 1n]),
    );
  });

  it('lay images one after the other', () => {
    const { pixels } = imageTensors([new Uint8Array(12).fill(1), new Uint8Array(12).fill(2)], 2);
    expect(pixels?.shape).toEqual([2, 2, 2, 3]);
    expect([...(pixels?.data as Uint8Array)]).toEqual([
      ...Array<number>(12).fill(1),
      ...Array<number>(12).fill(2),
    ]);
  });

  it('refuse an image of another size', () => {
    expect(() => imageTensors([new Uint8Array(11)], 2)).toThrow('an image has 11 bytes, not 2 x 2 x 3');
  });
});

describe('the highest scores of a row', () => {
  it('are those that sorting the whole row would give', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (scores, limit) => {
          const sorted = scores
            .map((score, index) => ({ index, score }))
            .sort((a, b) => b.score - a.score || a.index - b.index)
            .slice(0, limit);
          expect(topScores(Float32Array.from(scores), limit)).toEqual(sorted);
        },
      ),
    );
  });
});
