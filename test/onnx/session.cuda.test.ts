import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Needs no GPU: the kernels that ONNX Runtime's CUDA libraries hold are in a list.

const bundle = fileURLToPath(new URL('../../models/bundle/', import.meta.url));

/** A tensor as the manifest describes it; names stand for sizes that differ from one run to another. */
interface Described {
  readonly dtype: 'int64' | 'float32' | 'uint8';
  readonly shape: readonly (number | string)[];
}
type Inputs = Readonly<Record<string, Described>>;
interface Part {
  readonly model: string;
  readonly inputs: Inputs;
}
const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as Readonly<
  Record<'decoder' | 'ranker' | 'image' | 'fusion', Part>
> & {
  readonly text: Part & { readonly floatModel: string };
  readonly knn: { readonly search: string; readonly inputs: Inputs };
};
const { text, knn, decoder, ranker, image, fusion } = manifest;

const { kernels } = JSON.parse(readFileSync(new URL('cuda-kernels.json', import.meta.url), 'utf8')) as {
  /** The kernels of each operator, named with its domain; an operator with an empty list has none. */
  readonly kernels: Readonly<Record<string, readonly string[]>>;
};

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tagstream-profiles-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('on CUDA', () => {
  it.each([
    ['text.floatModel', text.floatModel, text.inputs],
    ['knn.search', knn.search, knn.inputs],
    ['decoder', decoder.model, decoder.inputs],
    ['image', image.model, image.inputs],
    ['fusion', fusion.model, fusion.inputs],
  ])('each operator of %s has a kernel', async (_part, file, inputs) => {
    expect(withoutKernel(await operatorsOf(file, inputs))).toEqual([]);
  });

  it('the quantised products of the text model have no kernel, which is why there is one in floating point', async () => {
    expect(withoutKernel(await operatorsOf(text.model, text.inputs))).toEqual(['MatMulIntegerToFloat']);
  });

  it('the trees of the ranker have no kernel: it always runs on the CPU', async () => {
    expect(withoutKernel(await operatorsOf(ranker.model, ranker.inputs))).toEqual(['TreeEnsembleRegressor']);
  });
});

/** The operators that have no CUDA kernel in any domain: a profile does not name the domain. */
function withoutKernel(operators: ReadonlySet<string>): readonly string[] {
  const known = Object.entries(kernels).filter(([, list]) => list.length > 0);
  const covered = new Set(known.map(([name]) => name.slice(name.indexOf(':') + 1)));
  return [...operators].filter((name) => !covered.has(name)).toSorted();
}

/** The operators that a run of a model runs, by the profile of a run on the CPU. */
async function operatorsOf(file: string, inputs: Inputs): Promise<ReadonlySet<string>> {
  const session = await InferenceSession.create(join(bundle, file), {
    executionProviders: ['cpu'],
    // Those that come before the nodes are given to a provider; more would join nodes for the CPU alone.
    graphOptimizationLevel: 'basic',
    logSeverityLevel: 4,
    enableProfiling: true,
    profileFilePrefix: join(folder, file),
  });
  const feeds = Object.entries(inputs).map(([name, described]) => [name, tensorOf(name, described)]);
  await session.run(Object.fromEntries(feeds) as Record<string, Tensor>);
  session.endProfiling();
  await session.release();
  const profile = readdirSync(folder).find((name) => name.startsWith(`${file}_`)) ?? '';
  const events = JSON.parse(readFileSync(join(folder, profile), 'utf8')) as readonly {
    readonly args: { readonly op_name?: string };
  }[];
  const names = events.flatMap(({ args }) => args.op_name ?? []);
  expect(names).not.toEqual([]);
  return new Set(names);
}

/** A small tensor: 2 for each size that has a name, masks that leave out nothing, one entry to find, else zeros. */
function tensorOf(name: string, { dtype, shape }: Described): Tensor {
  const sizes = shape.map((size) => (typeof size === 'number' ? size : 2));
  const length = sizes.reduce((product, size) => product * size, 1);
  const value = /mask$|^k$/.test(name) ? 1 : 0;
  if (dtype === 'int64') return new Tensor(dtype, new BigInt64Array(length).fill(BigInt(value)), sizes);
  const Values = dtype === 'uint8' ? Uint8Array : Float32Array;
  return new Tensor(dtype, new Values(length).fill(value), sizes);
}
