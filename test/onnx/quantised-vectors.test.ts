import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantise } from '../../src/onnx/quantised-vectors.js';

/** Vectors in the compact form: all scales, then all components. */
function quantised(vectors: readonly { scale: number; components: readonly number[] }[]): Buffer {
  const scales = Buffer.alloc(4 * vectors.length);
  vectors.forEach(({ scale }, row) => scales.writeFloatLE(scale, 4 * row));
  return Buffer.concat([
    scales,
    ...vectors.map(({ components }) => Buffer.from(Int8Array.from(components).buffer)),
  ]);
}

describe('quantised vectors', () => {
  it('come back as their int8 components times their scales', () => {
    const scale = fc.float({ min: Math.fround(1e-6), max: 1, noNaN: true });
    const components = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.record({ scale, components }), { maxLength: 9 }), (vectors) => {
        const expected = vectors.flatMap((vector) => vector.components.map((value) => value * vector.scale));
        expect(dequantise(quantised(vectors), vectors.length)).toEqual(Float32Array.from(expected));
      }),
    );
  });

  it('are refused when they are not as many as their labels', () => {
    const two = quantised([
      { scale: 1, components: [1, 2, 3] },
      { scale: 1, components: [4, 5, 6] },
    ]);
    expect(() => dequantise(two, 3)).toThrow('14 bytes are no 3 vectors of one width');
    expect(() => dequantise(two, 4)).toThrow(RangeError);
    expect(() => dequantise(two, 0)).toThrow(RangeError);
  });
});
