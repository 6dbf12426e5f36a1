import { chosen, type DashboardSpec } from './panels.js';
import { quantile, rate } from './queries.js';

const perInstance = (metric: string): string => `max by (instance) (${metric}{${chosen}})`;

export const runtime: DashboardSpec = {
  uid: 'tagstream-runtime',
  title: 'Runtime',
  description: 'Where the time goes, and how Node and the machine bear it.',
  rows: {
    Work: [
      {
        title: 'Time in a stage',
        description: 'A post in each stage, and a batch in write: 95th percentile.',
        unit: 'seconds',
        thresholds: { warn: 1, bad: 5 },
        queries: { '{{stage}}': quantile(0.95, 'tagstream_stage_duration_seconds', 'stage') },
      },
      {
        title: 'Records in flight',
        description: 'Read, and their outcome not out yet. One that stays where it is hangs.',
        unit: 'count',
        thresholds: {},
        queries: { '{{instance}}': perInstance('tagstream_posts_in_flight') },
      },
    ],
    Processor: [
      {
        title: 'CPU',
        description: 'Cores in use, by agent.',
        unit: 'count',
        thresholds: {},
        queries: { '{{instance}}': rate('process_cpu_seconds_total', 'instance') },
      },
      {
        title: 'Event-loop lag',
        description: 'How late the event loop is. Beyond the session timeout the group drops the agent.',
        unit: 'seconds',
        thresholds: { warn: 0.1, bad: 0.2 },
        queries: {
          '{{instance}} p50': perInstance('nodejs_eventloop_lag_p50_seconds'),
          '{{instance}} p99': perInstance('nodejs_eventloop_lag_p99_seconds'),
        },
      },
      {
        title: 'Garbage collection',
        description: 'Share of the time that the main thread collects garbage, by kind.',
        unit: 'share',
        thresholds: { warn: 0.1, bad: 0.25 },
        queries: { '{{kind}}': rate('nodejs_gc_duration_seconds_sum', 'kind') },
      },
    ],
    Memory: [
      {
        title: 'Resident memory',
        description: 'What the process takes of the machine, the model and its buffers included.',
        unit: 'bytes',
        thresholds: {},
        queries: { '{{instance}}': perInstance('process_resident_memory_bytes') },
      },
      {
        title: 'Heap',
        description: 'JavaScript’s memory on the main thread. One that only grows is a leak.',
        unit: 'bytes',
        thresholds: {},
        queries: {
          '{{instance}} used': perInstance('nodejs_heap_size_used_bytes'),
          '{{instance}} reserved': perInstance('nodejs_heap_size_total_bytes'),
        },
      },
      {
        title: 'Open files',
        description: 'Connections and files, as a share of what the process may open.',
        unit: 'share',
        thresholds: { warn: 0.7, bad: 0.9 },
        queries: { '{{instance}}': `${perInstance('process_open_fds')} / ${perInstance('process_max_fds')}` },
      },
    ],
    Process: [
      {
        title: 'Build',
        description: 'Agents by their version and Node’s.',
        unit: 'count',
        thresholds: {},
        queries: {
          'tagstream {{version}}, Node {{node}}': `count by (version, node) (tagstream_build_info{${chosen}})`,
        },
        as: 'number',
      },
      {
        title: 'Running for',
        description: 'Since each process started. Short again and again: it restarts.',
        unit: 'seconds',
        thresholds: { warn: 60, below: true },
        queries: { '{{instance}}': `time() - process_start_time_seconds{${chosen}}` },
        as: 'number',
      },
      {
        title: 'Restarts, last hour',
        description: 'How often processes started anew.',
        unit: 'count',
        thresholds: { warn: 1, bad: 3 },
        queries: { restarts: `sum(changes(process_start_time_seconds{${chosen}}[1h]))` },
        as: 'number',
      },
    ],
  },
};
