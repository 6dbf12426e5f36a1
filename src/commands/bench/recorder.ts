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
