import { describe, expect, it } from 'vitest';
import { imageTensors, int64, int64Rows, rowOf, textTensors } from '../../src/inference/tensors.js';

describe('the tensors of a batch', () => {
  it('pad every post to the longest, with a mask over what is real', () => {
    const tensors = textTensors([
      { ids: [101, 7, 102], types: [0, 0, 0] },
      { ids: [101, 8, 102, 9, 102], types: [0, 0, 0, 3, 3] },
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
      BigInt64Array.from([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 3n, 3n]),
    );
  });

  it('hold whole numbers in one row or in padded rows', () => {
    expect(int64([50, -1])).toEqual({ type: 'int64', shape: [2], data: BigInt64Array.from([50n, -1n]) });
    expect(int64Rows([[7], [], [8, 9]], 2, 1)).toEqual({
      type: 'int64',
      shape: [3, 2],
      data: BigInt64Array.from([7n, 1n, 1n, 1n, 8n, 9n]),
    });
  });

  it('give their rows without copying them', () => {
    const matrix = Float32Array.from([1, 2, 3, 4, 5, 6]);
    expect(rowOf(matrix, 1, 3)).toEqual(Float32Array.from([4, 5, 6]));
    expect(rowOf(matrix, 1, 3).buffer).toBe(matrix.buffer);
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
