import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../src/domain/errors.js';
import type { Fault } from './faults.js';
import type { FaultResult } from './run-fault.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = join(root, 'docs/faults.md');

/** What delivery hangs on, and what tries it. */
const code = [
  ...['src/kafka', 'src/sink', 'src/source', 'src/agent.ts', 'src/pipeline.ts', 'src/commands/signals.ts'],
  ...['src/serving/exit-guard.ts', 'src/serving/pool.ts', 'src/serving/worker-thread.ts'],
  ...['src/serving/worker.ts', 'test/fault'],
];

const head = `# Faults that were tried

\`npm run test:faults\` keeps this table: agents as processes, a real broker, a fault, and Java's \`read_committed\` consumer
as the judge. A record is lost without an outcome and doubled with two. Recovered is the time from the end of the fault
(of the last of ten, where they come at random) until everything that waited, and fresh posts, were committed: median and
longest, with sessions of 6 seconds; 21 seconds at most, or the fault has no row. Code is what was tried, the first digits
of a SHA-1: \`git ls-tree HEAD ${code.join(' ')} | sha1sum\`. A fault that stands here with the present code is not tried again.

\`npm run test:soak\` feeds two agents for half an hour at half of what one can tag, with faults at random, and draws:

![An agent's memory over half an hour](soak.svg)

| fault | tries | records lost | doubled | other phrases or order | recovered, s | agents that left with 75 | code |
| --- | --- | --- | --- | --- | --- | --- | --- |
`;

/** What was tried, as it is committed. */
function tree(): string {
  const git = (...args: string[]): Buffer => execFileSync('git', [...args, '--', ...code], { cwd: root });
  if (git('status', '--porcelain').length > 0) return 'not committed';
  const committed = execFileSync('git', ['ls-tree', 'HEAD', ...code], { cwd: root });
  return createHash('sha1').update(committed).digest('hex').slice(0, 10);
}

const rows = (): readonly string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .slice(2)
    : [];

const timesOf = ({ tries, timesEach = 1 }: Fault): number => tries.length * timesEach;

/** Whether the fault was tried with the code as it is, and all went well. */
export const isTried = (fault: Fault): boolean =>
  rows().some(
    (row) => row.startsWith(`| ${fault.name} | ${timesOf(fault)} |`) && row.endsWith(`| ${tree()} |`),
  );

/** Puts a fault's row into the table, in place of an older one. */
export function record(fault: Fault, results: readonly FaultResult[]): void {
  const sum = (count: (result: FaultResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  const cells = [
    fault.name,
    timesOf(fault),
    sum(({ verdict }) => verdict.lost.length),
    sum(({ verdict }) => verdict.doubled.length),
    sum(({ verdict }) => verdict.different.length + verdict.outOfOrder.length),
    fault.endsDone === true ? '' : medianAndLongest(results.map(({ recovered }) => recovered)),
    sum(({ exits }) => exits.filter((exit) => exit === exitCodes.fenced).length),
    tree(),
  ];
  const row = `| ${cells.join(' | ')} |`;
  const others = rows().filter((other) => !other.startsWith(`| ${fault.name} |`));
  writeFileSync(file, `${head}${[...others, row].join('\n')}\n`);
}

function medianAndLongest(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (place: number): number => sorted[Math.floor(place)] ?? NaN;
  const median = (at((sorted.length - 1) / 2) + at(sorted.length / 2)) / 2;
  return `${median.toFixed(1)}, ${at(sorted.length - 1).toFixed(1)}`;
}
