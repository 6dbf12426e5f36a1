import { readFileSync } from 'node:fs';
import type { Provider } from '../domain/provider.js';
import { availableParallelism, totalmem } from 'node:os';

/** What a process may use of its machine. */
export interface Machine {
  /** Processors, as far as affinity and control group allow: 1.5 where a quota says so. */
  readonly processors: number;
  /** Bytes of memory, as far as the control group allows. */
  readonly memoryBytes: number;
}

/** How many workers there are to be, and what that was decided by. */
export interface WorkerCount extends Machine {
  readonly workers: number;
}

/** Bytes of memory, measured (docs/performance.md): what the agent takes without a worker, and what each takes. */
const agentBytes = 400 * 2 ** 20;
const workerBytes = 320 * 2 ** 20;

/** On CUDA workers share the device, and each has some processors for the work around the tensors. */
const mostOnCuda = 8;
/** As many as the setting may have. */
const mostOnCpu = 256;

/**
 * Looks at what this process may use. Node counts neither a quota of processors nor, before 22, all forms of a limit of
 * memory.
 *
 * @param root where the control groups' files lie (cgroup v2, else v1)
 * @param own where the process's own group is told
 */
export function readMachine(root = '/sys/fs/cgroup', own = '/proc/self/cgroup'): Machine {
  const folders = groupsOf(root, own);
  const quotas = folders.flatMap((folder) => quotaOf(folder) ?? []);
  const limits = folders.flatMap(limitsOf);
  return {
    processors: Math.min(...quotas, availableParallelism()),
    memoryBytes: Math.min(...limits, totalmem()),
  };
}

/** The folders of the process's control group and of all above it, each of which can have limits. */
function groupsOf(root: string, own: string): readonly string[] {
  const path = /^0::(.*)$/m.exec(textOf(own) ?? '')?.[1] ?? '';
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return [root, ...parts.map((_, depth) => [root, ...parts.slice(0, depth + 1)].join('/'))];
}

/** Processors' time over time, as a control group bounds it. */
function quotaOf(folder: string): number | undefined {
  const [quota, period] = (textOf(`${folder}/cpu.max`) ?? '').split(' ').map(Number);
  if (quota !== undefined && period !== undefined && quota > 0 && period > 0) return quota / period;
  const old = ['quota', 'period'].map((what) => Number(textOf(`${folder}/cpu/cpu.cfs_${what}_us`)));
  const [oldQuota = NaN, oldPeriod = NaN] = old;
  return oldQuota > 0 && oldPeriod > 0 ? oldQuota / oldPeriod : undefined;
}

function limitsOf(folder: string): readonly number[] {
  return [`${folder}/memory.max`, `${folder}/memory/memory.limit_in_bytes`]
    .map((file) => Number(textOf(file)))
    .filter((bytes) => bytes > 0);
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The settings that decide how many workers there are. */
export interface WorkerSettings {
  readonly workers: number | 'auto';
  readonly threads: number;
}

/**
 * How many workers there are to be. `auto`: as many as the processors and the memory hold; each has the threads of
 * `inference.threads`.
 */
export function findWorkers(
  { workers, threads }: WorkerSettings,
  provider: Provider,
  machine: Machine = readMachine(),
): WorkerCount {
  if (workers !== 'auto') return { workers, ...machine };
  const byProcessors = threads === 0 ? 1 : Math.floor(machine.processors / threads);
  const byMemory = Math.floor((machine.memoryBytes - agentBytes) / workerBytes);
  const most = provider === 'cuda' ? mostOnCuda : mostOnCpu;
  return { workers: Math.max(1, Math.min(byProcessors, byMemory, most)), ...machine };
}
