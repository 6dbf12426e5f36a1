/**
 * Reads vectors from the bundle's compact form: a float32 scale for each vector, little-endian, then all vectors'
 * components as int8. A component is its int8 times its vector's scale.
 *
 * @param bytes the file
 * @param vectors how many vectors it holds
 * @returns the components, `[vectors, width]`
 * @throws RangeError when the file cannot hold so many vectors of one width
 */
export function dequantise(bytes: Uint8Array, vectors: number): Float32Array {
  const components = bytes.length - vectors * Float32Array.BYTES_PER_ELEMENT;
  if (components < 0 || (vectors === 0 ? components > 0 : components % vectors !== 0)) {
    throw new RangeError(`${bytes.length} bytes are no ${vectors} vectors of one width`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = components / Math.max(vectors, 1);
  const values = new Float32Array(components);
  for (let row = 0; row < vectors; row++) {
    const scale = view.getFloat32(row * Float32Array.BYTES_PER_ELEMENT, true);
    for (let at = row * width; at < (row + 1) * width; at++) {
      values[at] = view.getInt8(vectors * Float32Array.BYTES_PER_ELEMENT + at) * scale;
    }
  }
  return values;
}
