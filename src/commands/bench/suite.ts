import { cpus } from 'node:os';
import type { Agent } from '../../agent.js';
import type { Config } from '../../config/load.js';
import { merge, type Settings } from '../../config/sources.js';
import { findWorkers, readMachine } from '../../serving/machine.js';
import type { BatchObserver } from '../../serving/predictor.js';
import { openTagger } from '../../tagger.js';
import { createEvents } from '../../telemetry/events.js';
import { createLogger } from '../../telemetry/logger.js';
import { createMetrics } from '../../telemetry/metrics.js';

/** What tags in a measurement. */
export type Tagger = NonNullable<Agent['tagger']>;

/** What every suite is given. */
export interface Bench {
  /** How often each figure is measured. */
  readonly rounds: number;
  /** Posts of a measurement, in the place of each suite's own number. */
  readonly posts: number | undefined;
  /** Folder of an older version, with its `dist` and `node_modules`. */
  readonly old: string | undefined;
  /**
   * The configuration with these settings over those that every measurement has, whatever anybody else says: a
   * measurement has to be of what it is called.
   */
  configWith(settings: Settings): Config;
  /** Is told of each measurement that is done. */
  step(): void;
}

/** The posts of a measurement, unless `--posts` says otherwise. */
export const postsOf = ({ posts }: Bench, usual: number): number => posts ?? usual;

/**
 * Settings that decide whether a post or its photo is taken at all, or what it costs, at their defaults. Free are the
 * model, its provider and where the brokers are.
 */
const everyPost: Settings = {
  kafka: {
    ...{ chunkSize: 64, concurrentChunks: 4, concurrentPartitions: 3, fetchBytes: 1_048_576 },
    ...{ maxRecordBytes: 1_000_000, compression: 'lz4' },
  },
  delivery: 'exactly-once',
  format: 'plain',
  noise: { languages: [], duplicateWindow: 0, maxTextLength: 25_000, skip: [] },
  images: {
    ...{ allow: [], timeoutMs: 5_000, maxBytes: 10_000_000, maxPixels: 50_000_000, concurrency: 32 },
    ...{ readText: false, cacheBytes: 67_108_864 },
  },
  inference: { workers: 'auto', threads: 1, concurrency: 64 },
  batch: { maxSize: 16, maxTokens: 4_096, maxWaitMs: 10 },
  output: { maxPhrases: 5, minScore: 0 },
  model: { without: [] },
};

/** As {@link Bench} has it, given what reads the configuration. */
export const measuring =
  (configWith: (forced: Settings) => Config): Bench['configWith'] =>
  (settings) =>
    configWith(merge(everyPost, settings));

/** Events that nobody hears. */
export const unheard = () => createEvents(createLogger('silent'), createMetrics());

/** Opens a model to measure with; whoever opens it closes it. */
export const openBenchTagger = (config: Config, observe?: BatchObserver): Promise<Tagger> =>
  openTagger(config, unheard(), undefined, observe);

/** Opens a model for as long as it is used. */
export async function withTagger<T>(
  config: Config,
  use: (tagger: Tagger) => Promise<T>,
  observe?: BatchObserver,
): Promise<T> {
  const tagger = await openBenchTagger(config, observe);
  try {
    return await use(tagger);
  } finally {
    await tagger.close();
  }
}

/** What the figures of a report were measured on and with. */
export interface MachineReport {
  readonly cpu: string;
  /** Processors that this process may use. */
  readonly processors: number;
  readonly node: string;
  readonly model: string;
  readonly provider: string;
  /** Workers of `inference.workers: auto`. */
  readonly workers: number;
  readonly threads: number;
}

/** Looks at the machine, and at the model once it is open. */
export async function describeMachine({ configWith }: Bench): Promise<MachineReport> {
  const config = configWith({ inference: { workers: 1 } });
  const { version, provider } = await withTagger(config, async ({ slot }) => slot.live.model);
  const { workers } = findWorkers(configWith({}).inference, provider);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    processors: readMachine().processors,
    node: process.version,
    model: version,
    provider,
    workers,
    threads: config.inference.threads,
  };
}
