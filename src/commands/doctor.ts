import { cpus } from 'node:os';
import type { Config } from '../config/load.js';
import { ConfigurationError, exitCodes } from '../domain/errors.js';
import { checkGpu, checkModel, checkTopics } from '../preflight.js';
import { readMachine } from '../serving/machine.js';
import { paintFor } from './paint.js';

/** What a look at one part of the installation found. */
interface Finding {
  readonly part: string;
  readonly ok: boolean;
  /** What there is or, where something is wrong, what it is and what to do. */
  readonly detail: string;
}

/** The oldest Node this package runs on, as package.json's `engines` has it. */
const oldestNode = [20, 19] as const;

/** `tagstream doctor`: says of each part whether it is well, and what to do where it is not. Exits 1 where one is not. */
export async function doctor(loadConfig: () => Config): Promise<number> {
  const findings: Finding[] = [];
  const paint = paintFor(process.stdout);
  const report = (finding: Finding): void => {
    findings.push(finding);
    const mark = finding.ok ? paint('good', 'ok   ') : paint('bad', 'WRONG');
    process.stdout.write(`${mark}  ${finding.part.padEnd(14)}  ${finding.detail}\n`);
  };

  report(checkNode(process.versions.node));
  report({ part: 'machine', ok: true, detail: machine() });
  const config = await look(
    'configuration',
    () => Promise.resolve(loadConfig()),
    report,
    () => 'every setting can be used',
  );
  if (config !== undefined) {
    await look(
      'gpu',
      () => checkGpu(config),
      report,
      (found) => found,
    );
    await look(
      'model',
      () => checkModel(config),
      report,
      ({ model: { name, version, provider, note }, workers }) =>
        [
          `${name} ${version}, hashes right, runs on ${provider} with ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
          ...(provider === 'cuda' ? ['its ranker runs on the CPU, since its trees have no CUDA kernel'] : []),
          ...(note === undefined ? [] : [note]),
          config.images.readText
            ? 'text in images is read'
            : 'text in images is not read (images.readText is false)',
        ].join('; '),
    );
    if (config.kafka.brokers.length === 0) {
      report({ part: 'kafka', ok: true, detail: 'no brokers are configured (kafka.brokers); not looked at' });
    } else {
      await look(
        'kafka',
        () => checkTopics(config),
        report,
        (topics) => topics.map(({ topic, partitions }) => `${topic} (${partitions} partitions)`).join(', '),
      );
    }
  }
  return findings.every(({ ok }) => ok) ? exitCodes.done : exitCodes.failed;
}

async function look<T>(
  part: string,
  check: () => Promise<T>,
  report: (finding: Finding) => void,
  describe: (found: T) => string,
): Promise<T | undefined> {
  try {
    const found = await check();
    report({ part, ok: true, detail: describe(found) });
    return found;
  } catch (error) {
    const details =
      error instanceof ConfigurationError
        ? error.faults.map(({ key, problem }) => `${key}: ${problem}`)
        : [error instanceof Error ? error.message : String(error)];
    for (const detail of details) report({ part, ok: false, detail });
    return undefined;
  }
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestNode;
  const ok = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return { part: 'node', ok, detail: ok ? version : `${version}: install ${oldestNode.join('.')} or newer` };
}

function machine(): string {
  const { processors, memoryBytes } = readMachine();
  const gibibytes = (memoryBytes / 2 ** 30).toFixed(memoryBytes < 2 ** 33 ? 1 : 0);
  return `${processors} cores (${cpus()[0]?.model ?? 'unknown'}) and ${gibibytes} GiB of memory that this process may use`;
}
