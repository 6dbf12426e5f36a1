import type { TensorData } from './session.js';
import type { TokenizedInput } from './tokenizer.js';

/** Pads tokenized posts to the longest: three int64 tensors of shape `[posts, tokens]`; padding has id 0 and mask 0. */
export function textTensors(inputs: readonly TokenizedInput[]): Record<string, TensorData> {
  const tokens = Math.max(...inputs.map(({ ids }) => ids.length));
  const filled = (value: (input: TokenizedInput, at: number) => number): TensorData => {
    const data = new BigInt64Array(inputs.length * tokens);
    inputs.forEach((input, row) => {
      for (let at = 0; at < input.ids.length; at++) data[row * tokens + at] = BigInt(value(input, at));
    });
    return { type: 'int64', data, shape: [inputs.length, tokens] };
  };
  return {
    input_ids: filled(({ ids }, at) => ids[at] ?? 0),
    attention_mask: filled(() => 1),
    token_type_ids: filled(({ types }, at) => types[at] ?? 0),
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

/** One row of a `[rows, columns]` tensor as its `limit` highest scores, best first; of equal scores the first column wins. */
export function topScores(row: Float32Array, limit: number): { index: number; score: number }[] {
  const best: { index: number; score: number }[] = [];
  row.forEach((score, index) => {
    const last = best.at(-1);
    if (best.length === limit && (last === undefined || score <= last.score)) return;
    const place = best.findIndex((other) => other.score < score);
    best.splice(place === -1 ? best.length : place, 0, { index, score });
    if (best.length > limit) best.pop();
  });
  return best;
}
