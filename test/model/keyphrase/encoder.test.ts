import { describe, expect, it } from 'vitest';
import { textTensors } from '../../../src/model/keyphrase/encoder.js';

describe('the tensors of a batch of posts', () => {
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
});
