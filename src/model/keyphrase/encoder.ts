import type { Session, TensorData } from '../../onnx/session.js';
import { float32, int64Rows, rowOf } from '../../onnx/tensors.js';
import type { ModelInput } from '../input.js';
import { inLengthBuckets } from '../length-buckets.js';
import type { TokenizedInput, Tokenizer } from './tokenizer.js';

/** A post as the text encoder reads it. */
export interface Encoding extends TokenizedInput {
  /** Of length 1. */
  readonly vector: Float32Array;
  /** The classifier's, natural logarithms, by label. */
  readonly logProbabilities: Float32Array;
  /** The tokens as the decoder and the fusion read them, `[tokens, width]` each. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/** Encodes posts: one encoding for each, which does not depend on the others. */
export type Encoder = (posts: readonly ModelInput[]) => Promise<readonly Encoding[]>;

export function createEncoder(tokenizer: Tokenizer, model: Session, bucketSize: number): Encoder {
  async function encodeBucket(posts: readonly TokenizedInput[]): Promise<readonly Encoding[]> {
    const { vectors, log_probabilities, keys, values } = await model.run(textTensors(posts), {
      vectors: 'float32',
      log_probabilities: 'float32',
      keys: 'float32',
      values: 'float32',
    });
    const perPost = (all: Float32Array) => all.length / posts.length;
    const tokens = Math.max(...posts.map(({ ids }) => ids.length));
    const width = keys.length / (posts.length * tokens);
    return posts.map(({ ids, types }, row) => ({
      ids,
      types,
      vector: rowOf(vectors, row, perPost(vectors)),
      logProbabilities: rowOf(log_probabilities, row, perPost(log_probabilities)),
      keys: rowOf(keys, row, perPost(keys)).subarray(0, ids.length * width),
      values: rowOf(values, row, perPost(values)).subarray(0, ids.length * width),
    }));
  }
  return (posts) =>
    inLengthBuckets(posts.map(tokenizer.tokenize), ({ ids }) => ids.length, bucketSize, encodeBucket);
}

/** The keys and values of posts side by side, padded to the longest with zeros: float32 `[posts, tokens, width]` each. */
export function tokenStates(encodings: readonly Encoding[]) {
  const tokens = Math.max(...encodings.map(({ ids }) => ids.length));
  const [first] = encodings;
  const width = first === undefined ? 0 : first.keys.length / first.ids.length;
  const padded = (part: 'keys' | 'values') => {
    const all = new Float32Array(encodings.length * tokens * width);
    encodings.forEach((encoding, row) => all.set(encoding[part], row * tokens * width));
    return float32(all, [encodings.length, tokens, width]);
  };
  return { keys: padded('keys'), values: padded('values'), tokens };
}

/** Pads tokenized posts to the longest: three tensors of shape `[posts, tokens]`; padding has id, type and mask 0. */
export function textTensors(inputs: readonly TokenizedInput[]): Record<string, TensorData> {
  const tokens = Math.max(...inputs.map(({ ids }) => ids.length));
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
