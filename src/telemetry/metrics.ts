import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type OpenMetricsContentType,
} from 'prom-client';
import { imageAbsences } from '../domain/image.js';
import { origins } from '../domain/keyphrase.js';
import { noiseReasons, reasons } from '../domain/outcome.js';
import { providers } from '../domain/provider.js';
import { toPrometheusText, wantsOpenMetrics } from './exposition.js';

/** The models whose runs are measured. */
export const models = ['text', 'image', 'ocr'] as const;
export type ModelName = (typeof models)[number];

/** The stages of a post's way whose duration is measured, in their order. */
export const stages = [
  'fetch_image',
  'decode_image',
  'look_at_image',
  'read_text',
  'predict_keyphrases',
  'write',
] as const;

export type Stage = (typeof stages)[number];

/** The caches of images: which file a URL leads to, and what a file's content is decoded to. */
const imageCaches = ['url', 'content'];

const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const counts = [1, 2, 4, 8, 16, 32, 64, 128];
const fractions = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** A label's values: the closed list of them, or what bounds them, for people. */
export type LabelValues = readonly string[] | string;
type Labels<L extends string> = Readonly<Record<L, LabelValues>>;

/** What docs/metrics.md says of a metric. */
export interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: Labels<string>;
}

/** What is the same for each partition of the input. */
const partitionLabels = { topic: 'the input topic', partition: 'those assigned to this agent' };

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Every metric there is, from one template: the prefix, base units, and labels whose values are bounded, never a user,
 * a tag or a URL. What has a closed list of values starts at 0 for each, so that a rate is there before the first event.
 *
 * Each call registers them with a registry of its own, so that several agents can live in one process.
 */
export function createMetrics() {
  // Exemplars are kept only for OpenMetrics; Prometheus' own format is derived from it.
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const descriptions: MetricDescription[] = [];
  collectDefaultMetrics({ register: registry });
  // Gauges that are called like counters, which promtool reproves. The same numbers are there by type.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }

  function describe<L extends string>(
    type: MetricDescription['type'],
    suffix: string,
    help: string,
    labels: Labels<L>,
  ) {
    const name = `tagstream_${suffix}`;
    descriptions.push({ name, type, help, labels });
    return { name, help, labelNames: Object.keys(labels) as L[], registers: [registry] };
  }
  const counter = <L extends string = never>(suffix: string, help: string, labels = {} as Labels<L>) => {
    const made = new Counter<L>(describe('counter', suffix, help, labels));
    for (const label of everyLabel(labels)) made.inc(label, 0);
    return made;
  };
  const gauge = <L extends string = never>(suffix: string, help: string, labels = {} as Labels<L>) =>
    new Gauge<L>(describe('gauge', suffix, help, labels));
  const histogram = <L extends string = never>(
    suffix: string,
    help: string,
    buckets: number[],
    labels = {} as Labels<L>,
    enableExemplars = false,
  ) => {
    const description = describe('histogram', suffix, help, labels);
    const made = new Histogram<L>({ ...description, buckets, enableExemplars });
    for (const label of everyLabel(labels)) made.zero(label);
    return made;
  };

  const metrics = {
    postsConsumed: counter(
      'posts_consumed_total',
      'Records read from the input; one that is read again counts again.',
    ),
    postsTagged: counter('posts_tagged_total', 'Posts whose keyphrases went out.'),
    postsDeadLettered: counter('posts_dead_lettered_total', 'Records sent to the dead-letter topic.', {
      reason: reasons,
    }),
    postsSkipped: counter(
      'posts_skipped_total',
      'Posts filtered out because the configuration says so, duplicates among them.',
      { reason: noiseReasons },
    ),
    tombstones: counter('tombstones_total', 'Deletions passed on to the output.'),
    batchFailures: counter(
      'batch_failures_total',
      'Batches whose outcomes could not be sent out or committed, and that are read again.',
    ),
    brokerErrors: counter(
      'broker_errors_total',
      'Times something went wrong between the consumer and its brokers.',
    ),
    keyphrases: counter(
      'keyphrases_total',
      'Keyphrases sent out, by the part of the model that found them.',
      {
        origin: origins,
      },
    ),
    bestScore: histogram(
      'best_keyphrase_score',
      'The score of a tagged post’s best keyphrase, from 0 to 1.',
      fractions,
    ),
    images: counter('images_total', 'Tagged posts by what became of their image: used, or why not.', {
      outcome: ['used', ...imageAbsences],
    }),
    imageMatch: histogram(
      'image_match_score',
      'How well image and text belong together, from 0 to 1, where it is known.',
      fractions,
    ),
    imageCacheLookups: counter(
      'image_cache_lookups_total',
      'Looks for an image by its URL or its bytes: hit, shared with one under way, or miss.',
      { cache: imageCaches, result: ['hit', 'shared', 'miss'] },
    ),
    imageCacheEvictions: counter('image_cache_evictions_total', 'Images that had to make room for others.', {
      cache: imageCaches,
    }),
    imageCacheBytes: gauge('image_cache_bytes', 'What the caches of images hold.', { cache: imageCaches }),
    imageHostsPaused: counter(
      'image_hosts_paused_total',
      'Times a host failed so often that it was left alone for a while.',
    ),
    postDuration: histogram(
      'post_duration_seconds',
      'From the record’s timestamp to its outcome being out.',
      [...durations, 300, 900, 3600],
      {},
      true,
    ),
    stageDuration: histogram(
      'stage_duration_seconds',
      'Time in a stage: of an image in the first three, of a post, or of a batch in the stage write.',
      durations,
      {
        stage: stages,
      },
    ),
    modelRunDuration: histogram('model_run_duration_seconds', 'One run of a model over a batch.', durations, {
      model: models,
    }),
    batchSize: histogram('batch_size', 'Items in a model’s batch.', counts, { model: models }),
    batchWait: histogram(
      'batch_wait_seconds',
      'How long the oldest item of a batch waited for it to close.',
      durations,
      { model: models },
    ),
    inferenceWorkers: gauge('inference_workers', 'Workers that hold the model.'),
    postsInFlight: gauge('posts_in_flight', 'Records read whose outcome is not out yet.'),
    consumerLagRecords: gauge(
      'consumer_lag_records',
      'Records of the partition whose outcome is not committed, as of the last fetch.',
      partitionLabels,
    ),
    consumerLagSeconds: gauge(
      'consumer_lag_seconds',
      'Age of the oldest record whose outcome is not committed; 0 where there is none.',
      partitionLabels,
    ),
    committedOffset: gauge(
      'committed_offset',
      'The offset of the partition to go on from, as this agent committed it last.',
      partitionLabels,
    ),
    lastCommit: gauge('last_commit_timestamp_seconds', 'When offsets were last committed, in Unix time.'),
    rebalances: counter('rebalances_total', 'Times the consumer group assigned partitions anew.'),
    spansLost: counter('spans_lost_total', 'Spans of traces that the collector did not take.'),
    ready: gauge(
      'ready',
      'Whether the agent can take work: the model is warm and the group joined (1), or not (0).',
    ),
    healthy: gauge(
      'healthy',
      'Whether all inference workers answer in time (1), or the agent should be restarted (0).',
    ),
    modelInfo: gauge('model_info', 'The model bundle in use (always 1).', {
      name: 'the bundle’s name',
      version: 'its version',
    }),
    buildInfo: gauge('build_info', 'The running build (always 1).', {
      version: 'the package’s version',
      node: 'Node’s version',
    }),
    providerInfo: gauge('execution_provider_info', 'The ONNX Runtime execution provider in use (always 1).', {
      provider: providers,
    }),
  } as const;

  return {
    ...metrics,
    registry,
    descriptions: descriptions as readonly MetricDescription[],
    /** The metrics as text, in the format that the request's Accept header asks for. */
    async expose(accept = ''): Promise<{ readonly contentType: string; readonly text: string }> {
      const text = await registry.metrics();
      if (wantsOpenMetrics(accept)) return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, text };
      return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text: toPrometheusText(text) };
    },
  };
}

/** One set of labels for each combination of values where all lists are closed; none where any is open. */
function everyLabel<L extends string>(labels: Labels<L>): Record<L, string>[] {
  const lists = Object.entries<LabelValues>(labels).map(([label, values]) =>
    typeof values === 'string' ? [] : values.map((value) => [label, value] as const),
  );
  if (lists.length === 0) return [];
  return lists
    .reduce<(readonly (readonly [string, string])[])[]>(
      (sets, list) => sets.flatMap((set) => list.map((pair) => [...set, pair])),
      [[]],
    )
    .map((set) => Object.fromEntries(set) as Record<L, string>);
}
