import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Curves } from './curves.js';
import { drawDiagram, type Diagram } from './plot.js';
import { spreadOf, type Spread } from './statistics.js';
import type { MachineReport } from './suite.js';

/** Draws each curve as an SVG file in a folder, which is made where it is not there. */
export async function drawCurves(folder: string, curves: Curves, machine: MachineReport): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, diagram] of Object.entries(diagramsOf(curves)))
    await writeFile(join(folder, `${name}.svg`), drawDiagram({ ...diagram, machine: describe(machine) }));
}

const describe = ({ cpu, processors, node, model, provider, workers, threads }: MachineReport): string =>
  `${cpu}, ${processors} processors, Node ${node}, model ${model} on ${provider}, workers ${workers}, threads ${threads}`;

const throughput = 'posts a second';

function diagramsOf({
  workers,
  batchSize,
  textLength,
  partitions,
  latency,
}: Curves): Readonly<Record<string, Omit<Diagram, 'machine'>>> {
  const one = <P>(points: readonly P[], x: (point: P) => number, y: (point: P) => Spread, name = '') => ({
    name,
    points: points.map((point) => ({ x: x(point), y: y(point) })),
  });
  const fast = ({ postsPerSecond }: { readonly postsPerSecond: Spread }) => postsPerSecond;
  return {
    workers: {
      ...{ title: 'Throughput over workers', x: 'workers', y: throughput },
      series: [one(workers, (point) => point.workers, fast)],
    },
    'batch-size': {
      ...{ title: 'Throughput over the size of a batch', x: 'posts of a batch at most', y: throughput },
      series: [one(batchSize, (point) => point.batchSize, fast)],
    },
    'text-length': {
      ...{ title: 'Throughput over the length of the text', x: 'words of a post on average', y: throughput },
      series: [one(textLength, (point) => point.words, fast)],
    },
    padding: {
      ...{ title: 'Padding over the length of the text', x: 'words of a post on average' },
      y: 'share of padding in what the text encoder computes on, %',
      series: [
        one(
          textLength,
          ({ words }) => words,
          ({ paddingShare }) => spreadOf([100 * paddingShare]),
        ),
      ],
    },
    ...(partitions === undefined
      ? {}
      : {
          partitions: {
            ...{ title: 'Throughput over partitions', x: 'partitions of the input', y: throughput },
            series: [one(partitions, (point) => point.partitions, fast)],
          },
        }),
    latency: {
      ...{ title: 'Latency over load', x: 'arrivals over capacity', y: 'from arrival to result, ms' },
      series: [
        one(
          latency,
          ({ load }) => load,
          ({ p50Ms }) => p50Ms,
          'p50',
        ),
        one(
          latency,
          ({ load }) => load,
          ({ p99Ms }) => p99Ms,
          'p99',
        ),
      ],
    },
    memory: {
      ...{ title: 'Memory over load', x: 'arrivals over capacity', y: 'resident memory, MiB' },
      series: [
        one(
          latency,
          ({ load }) => load,
          ({ rssMiB }) => rssMiB,
        ),
      ],
    },
  };
}
