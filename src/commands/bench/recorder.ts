import type { NativeCall, SessionRun, TensorData } from '../../onnx/session.js';

/** Writes down what sessions are asked. */
export interface Recorder {
  /** To be given to a model when it is opened. */
  readonly during: NativeCall;
  /** Makes a call, and gives the runs of sessions that it led to. */
  record(call: () => Promise<unknown>): Promise<readonly SessionRun[]>;
}

/** A recorder that copies what the sessions read: their arrays can be written anew after a run. */
export function copyingRecorder(): Recorder {
  let runs: SessionRun[] | undefined;
  /** The last copy of each array: those that are read again and again are kept once. */
  const copies = new WeakMap<TensorData['data'], TensorData['data']>();

  function copyOf(tensor: TensorData): TensorData {
    const last = copies.get(tensor.data);
    const data = last !== undefined && isSame(last, tensor.data) ? last : tensor.data.slice();
    copies.set(tensor.data, data);
    return { ...tensor, data } as TensorData;
  }

  return {
    during(call, run) {
      if (run !== undefined && runs !== undefined) {
        const inputs = Object.entries(run.inputs).map(([name, tensor]) => [name, copyOf(tensor)]);
        runs.push({ ...run, inputs: Object.fromEntries(inputs) as SessionRun['inputs'] });
      }
      return call();
    },
    async record(call) {
      const recorded: SessionRun[] = [];
      runs = recorded;
      await call();
      runs = undefined;
      return recorded;
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TensorData['data']): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

const isSame = (one: TensorData['data'], other: TensorData['data']): boolean =>
  bytesOf(one).equals(bytesOf(other));

/**
 * Inputs of a run with its posts several times, one after the other. Of the decoder's inputs `post` says which post each
 * row belongs to.
 */
export function repeatPosts(inputs: SessionRun['inputs'], times: number): SessionRun['inputs'] {
  if (times === 1) return inputs;
  const posts = inputs['keys']?.shape[0] ?? 0;
  const repeated = Object.entries(inputs).map(([name, tensor]) => {
    const [rows = 0, ...rest] = tensor.shape;
    const length = tensor.data.length;
    const data =
      tensor.type === 'int64'
        ? new BigInt64Array(times * length)
        : tensor.type === 'float32'
          ? new Float32Array(times * length)
          : new Uint8Array(times * length);
    for (let at = 0; at < data.length; at += 1) {
      const value = tensor.data[at % length] ?? 0;
      data[at] = name === 'post' ? BigInt(value) + BigInt(posts * Math.floor(at / length)) : value;
    }
    return [name, { ...tensor, data, shape: [times * rows, ...rest] }];
  });
  return Object.fromEntries(repeated) as SessionRun['inputs'];
}
