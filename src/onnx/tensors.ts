import type { TensorData } from './session.js';

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
