import type { VectorSearch } from '../../onnx/vector-search.js';

/** A labelled post that is similar to another one. */
export interface Neighbour {
  /** Cosine of the two posts' vectors, in [-1, 1]. */
  readonly similarity: number;
  readonly labels: readonly number[];
}

/** The labelled posts among which neighbours are looked for. More can be added as the agent runs. */
export interface KnnIndex {
  readonly size: number;
  /**
   * Remembers one more post; searches from now on can find it.
   *
   * @throws RangeError when the vector has another width than the index
   */
  add(vector: Float32Array, labels: readonly number[]): void;
  /**
   * The remembered posts that are most similar.
   *
   * @param queries vectors of length 1, `[posts, width]`
   * @returns for each query `count` neighbours, or all there are, the most similar first; of equal ones the older
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

export function createKnnIndex(search: VectorSearch, start: LabelledVectors): KnnIndex {
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
      const remembered = capacity.subarray(0, labels.length * width);
      const found = await search(queries, remembered, width, count);
      return found.map((entries) =>
        entries.map(({ index, score }) => ({ similarity: score, labels: labels[index] ?? [] })),
      );
    },
  };
}
