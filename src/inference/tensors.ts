import type { TensorData } from './session.js';
import type { TokenizedInput } from './tokenizer.js';

/** A float32 tensor over an array, which is not copied. */
export function float32(data: Float32Array, shape: readonly number[]): TensorData {
  return { type: 'float32', data, shape };
}

/** An int64 tensor of shape `[values]`. */
export function int64(values: readonly number[]): TensorData {
  return { type: 'int64', data: BigInt64Array.from(values, BigInt), shape: [values.length] };
}

/** An int64 tensor of shape `[rows, columns]`; rows that are shorter end in padding. */
export function int64Rows(rows: readonly (readonly number[])[], columns: number, padding = 0): TensorData {
  const data = new BigInt64Array(rows.length * columns).fill(BigInt(padding));
  rows.forEach((values, row) => {
    values.forEach((value, at) => (data[row * columns + at] = BigInt(value)));
  });
  return { type: 'int64', data, shape: [rows.length, columns] };
}

/** One array after the other. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One row of a matrix of so many columns: a view, not a copy. */
export function rowOf(matrix: Float32Array, row: number, columns: number): Float32Array {
  return matrix.subarray(row * columns, (row + 1) * columns);
}

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

/** Joins images into one uint8 tensor of shape `[images, size, size, 3]`. */
export function imageTensors(images: readonly Uint8Array[], size: number): Record<string, TensorData> {
  const bytes = size * size * 3;
  const data = new Uint8Array(images.length * bytes);
  images.forEach((image, row) => {
    if (image.length !== bytes)
      throw new RangeError(`an image has ${image.length} bytes, not ${size} x ${size} x 3`);
    data.set(image, row * bytes);
  });
  return { pixels: { type: 'uint8', data, shape: [images.length, size, size, 3] } };
}
