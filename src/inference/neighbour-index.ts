import type { Session } from './session.js';
import { float32, int64, rowOf } from './tensors.js';

/** A labelled post that is like another one. */
export interface Neighbour {
  /** Cosine of the two posts' vectors, in [-1, 1]. */
  readonly similarity: number;
  readonly labels: readonly number[];
}

/** The labelled posts that the model remembers. It grows at run time. */
export interface NeighbourIndex {
  readonly size: number;
  /**
   * Remembers one more post; searches from now on can find it.
   *
   * @throws RangeError when the vector has another width than the index
   */
  add(vector: Float32Array, labels: readonly number[]): void;
  /**
   * The remembered posts that are most alike, exactly (every one is compared).
   *
   * @param queries vectors of length 1, `[posts, width]`
   * @returns for each query `count` neighbours, or all there are, the likest first; of equal ones the older first
   */
  search(queries: Float32Array, count: number): Promise<readonly (readonly Neighbour[])[]>;
}

/** What an index starts with. */
export interface LabelledVectors {
  readonly width: number;
  /** Vectors of length 1, `[posts, width]`. */
  readonly vectors: Float32Array;
  /** The labels of each post. */
  readonly labels: readonly (readonly number[])[];
}

/**
 * An exhaustive nearest-neighbour index. The comparison itself is an ONNX model without weights, which takes the
 * memory as an input: so it runs on the execution provider of the other models, and the memory can grow.
 *
 * @param model `query, memory, k` → `similarities, entries`; `models/training/export_decoder.py` writes it
 */
export function createNeighbourIndex(model: Session, start: LabelledVectors): NeighbourIndex {
  const { width } = start;
  const labels = [...start.labels];
  // Grows by doubling, so that adding a post costs the same on average however many there are.
  let capacity = start.vectors;

  return {
    get size() {
      return labels.length;
    },
    add(vector, itsLabels) {
      if (vector.length !== width) {
        throw new RangeError(`a vector of ${vector.length} numbers among vectors of ${width}`);
      }
      const used = labels.length * width;
      if (used === capacity.length) {
        const larger = new Float32Array(Math.max(2 * capacity.length, width));
        larger.set(capacity);
        capacity = larger;
      }
      capacity.set(vector, used);
      labels.push(itsLabels);
    },
    async search(queries, count) {
      const posts = queries.length / width;
      const k = Math.min(count, labels.length);
      if (k === 0) return Array.from({ length: posts }, () => []);
      const { similarities, entries } = await model.run(
        {
          query: float32(queries, [posts, width]),
          memory: float32(capacity.subarray(0, labels.length * width), [labels.length, width]),
          k: int64([k]),
        },
        { similarities: 'float32', entries: 'int64' },
      );
      return Array.from({ length: posts }, (_, post) =>
        Array.from(rowOf(similarities, post, k), (similarity, rank) => ({
          similarity,
          labels: labels[Number(entries[post * k + rank])] ?? [],
        })),
      );
    },
  };
}
