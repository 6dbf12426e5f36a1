import type { Session } from './session.js';
import { float32, int64, rowOf } from './tensors.js';
import type { Score } from './top-k.js';

/**
 * Finds, exactly, the vectors that are most similar to each query: every one is compared.
 *
 * @param queries vectors of length 1, `[queries, width]`
 * @param vectors vectors of length 1, `[vectors, width]`
 * @param count how many are found for a query, or all there are
 * @returns for each query their places with their cosines, the most similar first; of equal ones the first
 */
export type VectorSearch = (
  queries: Float32Array,
  vectors: Float32Array,
  width: number,
  count: number,
) => Promise<readonly (readonly Score[])[]>;

/**
 * The comparison is an ONNX model without weights, which takes the vectors as an input: so it runs where the other
 * models run, and the vectors can be those of a growing memory. `models/training/export_decoder.py` writes it.
 */
export function createVectorSearch(model: Session): VectorSearch {
  return async (queries, vectors, width, count) => {
    const rows = queries.length / width;
    const k = Math.min(count, vectors.length / width);
    if (k === 0) return Array.from({ length: rows }, () => []);
    const { similarities, entries } = await model.run(
      {
        query: float32(queries, [rows, width]),
        memory: float32(vectors, [vectors.length / width, width]),
        k: int64([k]),
      },
      { similarities: 'float32', entries: 'int64' },
    );
    return Array.from({ length: rows }, (_, row) =>
      Array.from(rowOf(similarities, row, k), (score, rank) => ({
        index: Number(entries[row * k + rank]),
        score,
      })),
    );
  };
}
