import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric's name, in one place. Base units, bounded labels: never a user, a tag or a URL. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const counts = [1, 2, 4, 8, 16, 32, 64, 128];
const fractions = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export type Metrics = ReturnType<typeof createMetrics>;

/** Registers all metrics with a registry of their own, so that several agents can live in one process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name: `tagstream_${name}`, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `tagstream_${name}`, help, labelNames, registers: [registry] });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ) => new Histogram<L>({ name: `tagstream_${name}`, help, buckets, labelNames, registers: [registry] });

  return {
    registry,
    postsConsumed: counter('posts_consumed_total', 'Records read from the input.'),
    postsTagged: counter('posts_tagged_total', 'Posts whose keyphrases went out.'),
    postsDeadLettered: counter('posts_dead_lettered_total', 'Records sent to the dead-letter topic.', [
      'reason',
    ]),
    postsSkipped: counter('posts_skipped_total', 'Posts left out because the configuration says so.', [
      'reason',
    ]),
    tombstones: counter('tombstones_total', 'Deletions passed on to the output.'),
    keyphrases: counter(
      'keyphrases_total',
      'Keyphrases sent out, by the part of the model that found them.',
      ['origin'],
    ),
    images: counter('images_total', 'Posts by what became of their image: used, or why not.', ['outcome']),
    imageCacheLookups: counter(
      'image_cache_lookups_total',
      'Looks for an image by its URL or its bytes: hit, shared with one under way, or miss.',
      ['cache', 'result'],
    ),
    imageCacheEvictions: counter('image_cache_evictions_total', 'Images that had to make room for others.', [
      'cache',
    ]),
    imageCacheBytes: gauge('image_cache_bytes', 'What the caches of images hold.', ['cache']),
    imageHostsPaused: counter(
      'image_hosts_paused_total',
      'Times a host failed so often that it was left alone for a while.',
    ),
    imageMatch: histogram('image_match_score', 'How well image and text belong together.', fractions),
    postDuration: histogram(
      'post_duration_seconds',
      'From the record’s timestamp to its outcome being out.',
      [...durations, 300, 900, 3600],
    ),
    stageDuration: histogram('stage_duration_seconds', 'Time a post or batch spent in a stage.', durations, [
      'stage',
    ]),
    modelRunDuration: histogram('model_run_duration_seconds', 'One run of a model over a batch.', durations, [
      'model',
    ]),
    batchSize: histogram('batch_size', 'Items in a model’s batch.', counts, ['model']),
    batchWait: histogram(
      'batch_wait_seconds',
      'How long the oldest item of a batch waited for it to close.',
      durations,
      ['model'],
    ),
    postsInFlight: gauge('posts_in_flight', 'Records read whose outcome is not out yet.'),
    consumerLagRecords: gauge(
      'consumer_lag_records',
      'Records of the partition whose outcome is not committed, as of the last fetch.',
      ['topic', 'partition'],
    ),
    consumerLagSeconds: gauge(
      'consumer_lag_seconds',
      'Age of the oldest record whose outcome is not committed; 0 where there is none.',
      ['topic', 'partition'],
    ),
    lastCommit: gauge('last_commit_timestamp_seconds', 'When offsets were last committed, in Unix time.'),
    rebalances: counter('rebalances_total', 'Times the consumer group assigned partitions anew.'),
    modelInfo: gauge('model_info', 'The model bundle in use (always 1).', ['name', 'version']),
    buildInfo: gauge('build_info', 'The running build (always 1).', ['version', 'node']),
    providerInfo: gauge('execution_provider_info', 'The ONNX Runtime execution provider in use (always 1).', [
      'provider',
    ]),
  } as const;
}
