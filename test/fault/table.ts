import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Performance } from './performance.js';

const file = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));

const head = `# Faults that were tried

\`npm run test:faults\` keeps this table: agents as processes, a real broker, a fault, and Java's \`read_committed\` consumer
as the judge. A record is lost without an outcome and doubled with two. Recovered is the time from the end of the fault
(of the last of ten, where they come at random) until everything that waited, and fresh posts, were committed: median and
longest, with sessions of 6 seconds. Code is what was tried: the first digits of a SHA-1 of
\`git rev-parse HEAD:src/kafka HEAD:src/sink HEAD:src/source\`. A fault that stands here with the present code is not tried
again.

\`npm run test:soak\` feeds two agents for half an hour at half of what one can tag, with faults at random, and draws:

![An agent's memory over half an hour](soak.svg)

| fault | tries | records lost | doubled | other phrases or order | recovered, s | agents that left with 75 | code |
| --- | --- | --- | --- | --- | --- | --- | --- |
`;

/** The code that the faults are about, as it is committed. */
function tree(): string {
  const trees = execFileSync('git', ['rev-parse', 'HEAD:src/kafka', 'HEAD:src/sink', 'HEAD:src/source']);
  return createHash('sha1').update(trees).digest('hex').slice(0, 10);
}

const rows = (): readonly string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .slice(2)
    : [];

/** Whether the fault was tried so often with the code as it is. */
export const isTried = (fault: string, tries: number): boolean =>
  rows().some((row) => row.startsWith(`| ${fault} | ${tries} |`) && row.endsWith(`| ${tree()} |`));

/** Puts a fault's row into the table, in place of an older one. */
export function record(fault: string, tries: number, performances: readonly Performance[]): void {
  const sum = (count: (performance: Performance) => number): number =>
    performances.reduce((total, performance) => total + count(performance), 0);
  const times = performances.map(({ recovered }) => recovered).toSorted((a, b) => a - b);
  const cells = [
    fault,
    tries,
    sum(({ verdict }) => verdict.lost.length),
    sum(({ verdict }) => verdict.doubled.length),
    sum(({ verdict }) => verdict.different.length + verdict.outOfOrder.length),
    `${times[Math.floor(times.length / 2)]?.toFixed(1)}, ${times.at(-1)?.toFixed(1)}`,
    sum(({ exits }) => exits.filter((exit) => exit === 75).length),
    tree(),
  ];
  const row = `| ${cells.join(' | ')} |`;
  const others = rows().filter((other) => !other.startsWith(`| ${fault} |`));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${head}${[...others, row].join('\n')}\n`);
}
