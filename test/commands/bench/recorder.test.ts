import { expect, it } from 'vitest';
import { copyingRecorder, repeatPosts } from '../../../src/commands/bench/recorder.js';
import type { SessionRun } from '../../../src/onnx/session.js';
import { float32, int64 } from '../../../src/onnx/tensors.js';

const runOn = (data: Float32Array): SessionRun => ({
  path: 'model.onnx',
  provider: 'cpu',
  inputs: { input: float32(data, [data.length]) },
  outputs: { output: 'float32' },
});

it('keeps what sessions read as it was, though the array is written anew', async () => {
  const { during, record } = copyingRecorder();
  const data = Float32Array.of(1, 2);
  const call = () => during(() => Promise.resolve(), runOn(data));
  const runs = await record(async () => {
    await call();
    await call();
    data[0] = 9;
    await call();
  });
  const read = runs.map(({ inputs }) => inputs['input']?.data);
  expect(read.map((values) => [...(values as Float32Array)])).toEqual([
    [1, 2],
    [1, 2],
    [9, 2],
  ]);
  // What is read again and again is kept once.
  expect(read[0]).toBe(read[1]);
});

it('keeps nothing of calls that are no runs, and of runs outside of what is recorded', async () => {
  const { during, record } = copyingRecorder();
  await during(() => Promise.resolve(), runOn(Float32Array.of(1)));
  expect(await record(() => during(() => Promise.resolve('opened')))).toEqual([]);
});

it('repeats the posts of a run, and the rows that belong to each', () => {
  const inputs = {
    keys: float32(Float32Array.of(1, 2, 3, 4), [2, 1, 2]),
    post: int64([0, 1, 1]),
  };
  const { keys, post } = repeatPosts(inputs, 2);
  expect([keys?.shape, [...keys!.data]]).toEqual([
    [4, 1, 2],
    [1, 2, 3, 4, 1, 2, 3, 4],
  ]);
  expect([post?.shape, [...post!.data]]).toEqual([[6], [0n, 1n, 1n, 2n, 3n, 3n]]);
});
