import { describe, expect, it } from 'vitest';
import { int64, int64Rows, rowOf } from '../../src/onnx/tensors.js';

describe('tensors', () => {
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
});
