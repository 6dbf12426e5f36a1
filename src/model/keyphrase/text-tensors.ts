import type { TensorData } from '../../onnx/session.js';
import { int64Rows } from '../../onnx/tensors.js';
import type { TokenizedInput } from './tokenizer.js';

/** The longest of tokenized posts. */
export function longest(inputs: readonly TokenizedInput[]): number {
  return Math.max(...inputs.map(({ ids }) => ids.length));
}

/** Pads tokenized posts to the longest: three tensors of shape `[posts, tokens]`; padding has id, type and mask 0. */
export function textTensors(inputs: readonly TokenizedInput[]): Record<string, TensorData> {
  const tokens = longest(inputs);
  return {
    input_ids: int64Rows(
      inputs.map(({ ids }) => ids),
      tokens,
    ),
    attention_mask: int64Rows(
      inputs.map(({ ids }) => ids.map(() => 1)),
      tokens,
    ),
    token_type_ids: int64Rows(
      inputs.map(({ types }) => types),
      tokens,
    ),
  };
}
