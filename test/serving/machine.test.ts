import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Provider } from '../../src/domain/provider.js';
import { findWorkers, readMachine, type WorkerSettings } from '../../src/serving/machine.js';

/** A folder with the files of a control group. */
function controlGroup(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'tagstream-cgroup-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const whole = { processors: availableParallelism(), memoryBytes: totalmem() };

describe('what a process may use of its machine', () => {
  it.for<[string, Record<string, string>, Partial<typeof whole>]>([
    ['all of it without a control group', {}, {}],
    ['all of it where version 2 sets no limit', { 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' }, {}],
    ['part of a processor by a quota of version 2', { 'cpu.max': '50000 100000\n' }, { processors: 0.5 }],
    ['part of a processor by any period', { 'cpu.max': '7500 10000\n' }, { processors: 0.75 }],
    ['no more processors than there are', { 'cpu.max': '100000000 100000\n' }, {}],
    ['memory by a limit of version 2', { 'memory.max': '268435456\n' }, { memoryBytes: 2 ** 28 }],
    [
      'processors and memory by version 1',
      {
        'cpu/cpu.cfs_quota_us': '50000\n',
        'cpu/cpu.cfs_period_us': '100000\n',
        'memory/memory.limit_in_bytes': '268435456\n',
      },
      { processors: 0.5, memoryBytes: 2 ** 28 },
    ],
    [
      'all of it where version 1 sets no limit',
      {
        'cpu/cpu.cfs_quota_us': '-1\n',
        'cpu/cpu.cfs_period_us': '100000\n',
        'memory/memory.limit_in_bytes': '9223372036854771712\n',
      },
      {},
    ],
    ['all of it where the files are empty', { 'cpu.max': '', 'memory.max': '' }, {}],
  ])('is %s', ([, files, expected]) => {
    expect(readMachine(controlGroup(files))).toEqual({ ...whole, ...expected });
  });

  it('is one and a half processors where a quota says so', () => {
    const { processors } = readMachine(controlGroup({ 'cpu.max': '150000 100000\n' }));
    expect(processors).toBe(Math.min(1.5, whole.processors));
  });

  it('is read from this machine itself', () => {
    const { processors, memoryBytes } = readMachine();
    expect(processors).toBeGreaterThan(0);
    expect(processors).toBeLessThanOrEqual(whole.processors);
    expect(memoryBytes).toBeGreaterThan(0);
    expect(memoryBytes).toBeLessThanOrEqual(whole.memoryBytes);
  });
});

describe('the number of workers', () => {
  const settings: WorkerSettings = { workers: 'auto', threads: 1 };
  const roomy = { processors: 64, memoryBytes: 2 ** 40 };
  const workersOn = (
    machine: Partial<typeof roomy>,
    own: Partial<WorkerSettings> = {},
    provider: Provider = 'cpu',
  ) => findWorkers({ ...settings, ...own }, provider, { ...roomy, ...machine }).workers;

  it('is what was set, whatever the machine has', () => {
    expect(workersOn({ processors: 1, memoryBytes: 1 }, { workers: 7 })).toBe(7);
    expect(workersOn({}, { workers: 64 }, 'cuda')).toBe(64);
  });

  it('is as many as there are processors, where memory is enough', () => {
    expect(workersOn({ processors: 1 })).toBe(1);
    expect(workersOn({ processors: 8 })).toBe(8);
    expect(workersOn({ processors: 64 })).toBe(64);
  });

  it('leaves each worker the processors of its threads', () => {
    expect(workersOn({ processors: 8 }, { threads: 2 })).toBe(4);
    expect(workersOn({ processors: 8 }, { threads: 3 })).toBe(2);
    expect(workersOn({ processors: 8 }, { threads: 16 })).toBe(1);
  });

  it('is one where each run may use all processors', () => {
    expect(workersOn({}, { threads: 0 })).toBe(1);
  });

  it('is rounded down from parts of a processor, and never none', () => {
    expect(workersOn({ processors: 1.5 })).toBe(1);
    expect(workersOn({ processors: 2.9 })).toBe(2);
    expect(workersOn({ processors: 0.5 })).toBe(1);
  });

  it('is what the memory holds, where that is less, and never none', () => {
    const counts = [2 ** 20, 2 ** 29, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 33].map((memoryBytes) =>
      workersOn({ memoryBytes }),
    );
    expect(counts.slice(0, 2)).toEqual([1, 1]);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    // A worker takes more than 200 MiB.
    for (const [index, count] of counts.slice(2).entries())
      expect(count).toBeLessThan(2 ** (30 + index) / (200 * 2 ** 20));
    expect(workersOn({ processors: 4, memoryBytes: 2 ** 33 })).toBe(4);
  });

  it('is bounded on CUDA, where workers share the device', () => {
    expect(workersOn({}, {}, 'cuda')).toBe(8);
    expect(workersOn({ processors: 3 }, {}, 'cuda')).toBe(3);
  });

  it('comes with what it was decided by', () => {
    expect(findWorkers(settings, 'cpu', { processors: 2.5, memoryBytes: 2 ** 40 })).toEqual({
      workers: 2,
      processors: 2.5,
      memoryBytes: 2 ** 40,
    });
  });
});

describe('a process in a control group below others', () => {
  it('may use what the strictest of them allows', () => {
    const root = controlGroup({
      'cpu.max': 'max 100000\n',
      'system.slice/memory.max': '536870912\n',
      'system.slice/tagstream.service/cpu.max': '50000 100000\n',
      'system.slice/tagstream.service/memory.max': '1073741824\n',
      'other.slice/memory.max': '1\n',
    });
    const own = controlGroup({ cgroup: '0::/system.slice/tagstream.service\n' });
    expect(readMachine(root, join(own, 'cgroup'))).toEqual({ processors: 0.5, memoryBytes: 2 ** 29 });
  });

  it('reads nothing outside the folder of the groups', () => {
    const outside = controlGroup({ 'groups/cpu.max': 'max 100000\n', 'memory.max': '1\n' });
    const own = controlGroup({ cgroup: '0::/../..\n' });
    expect(readMachine(join(outside, 'groups'), join(own, 'cgroup'))).toEqual(whole);
  });
});
