import type { Trouble } from '../telemetry/troubles.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Partitions that are told of: a page is no place for more. */
const mostPartitions = 64;

/** A partition of the input that is this agent's. */
export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly lagRecords: number;
  readonly lagSeconds: number;
}

/** How the agent is. */
export interface AgentState {
  /** Why it cannot take work now; empty where it can. */
  readonly unready: readonly string[];
  /** Why it should be restarted; empty where all is well. */
  readonly unhealthy: readonly string[];
  /** Those that were read from, most behind first; none where the input is a file. */
  readonly partitions: readonly PartitionState[];
  /** What went wrong last, if anything did. */
  readonly trouble?: Trouble;
}

/** The partitions as the metrics have them. */
export async function partitionsOf({
  consumerLagRecords,
  consumerLagSeconds,
}: Pick<Metrics, 'consumerLagRecords' | 'consumerLagSeconds'>): Promise<readonly PartitionState[]> {
  const [records, seconds] = await Promise.all([consumerLagRecords.get(), consumerLagSeconds.get()]);
  const keyOf = (labels: object): string => JSON.stringify(Object.entries(labels).sort());
  const ages = new Map(seconds.values.map(({ labels, value }) => [keyOf(labels), value]));
  return records.values
    .map(({ labels, value }) => ({
      topic: String(labels.topic),
      partition: Number(labels.partition),
      lagRecords: value,
      lagSeconds: ages.get(keyOf(labels)) ?? 0,
    }))
    .sort((a, b) => b.lagSeconds - a.lagSeconds || a.partition - b.partition)
    .slice(0, mostPartitions);
}
