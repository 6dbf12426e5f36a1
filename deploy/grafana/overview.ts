import { chosen, chosenJobs, type DashboardSpec } from './panels.js';
import { percentiles, rate } from './queries.js';

const outcomes = 'tagstream_post_duration_seconds_count';

/** What an operator asks first: how much, how soon, how far behind, what goes wrong. */
export const overview: DashboardSpec = {
  uid: 'tagstream-overview',
  title: 'Overview',
  description: 'Throughput, freshness, lag and errors of the agents. Red is where an alert is near.',
  rows: {
    'At a glance': [
      {
        title: 'Posts a second',
        description: 'Records whose outcome went out, all agents together.',
        unit: 'perSecond',
        thresholds: { warn: 0.001, below: true },
        queries: { posts: rate(outcomes) },
        as: 'number',
      },
      {
        title: 'In time, last hour',
        description:
          'Share of the records whose outcome was out within 5 s of their timestamp. The objective is 99%.',
        unit: 'share',
        thresholds: { warn: 0.99, bad: 0.856, below: true },
        queries: { '{{job}}': `1 - tagstream:freshness_errors:ratio_rate1h{${chosenJobs}}` },
        as: 'number',
      },
      {
        title: 'Furthest behind',
        description: 'Age of the oldest record that waits, over all partitions.',
        unit: 'seconds',
        thresholds: { warn: 60, bad: 300 },
        queries: { behind: `max(tagstream_consumer_lag_seconds{${chosen}})` },
        as: 'number',
      },
      {
        title: 'Dead letters, last hour',
        description: 'Share of the records that became dead letters. The objective is under 0.5%.',
        unit: 'share',
        thresholds: { warn: 0.005, bad: 0.072 },
        queries: { '{{job}}': `tagstream:dead_letter_errors:ratio_rate1h{${chosenJobs}}` },
        as: 'number',
      },
      {
        title: 'Agents ready',
        description: 'Agents whose model is warm and that have joined their group.',
        unit: 'count',
        thresholds: { warn: 1, below: true },
        queries: { ready: `sum(tagstream_ready{${chosen}})` },
        as: 'number',
      },
    ],
    'How much?': [
      {
        title: 'Posts a second by outcome',
        description: 'What becomes of the records that are read.',
        unit: 'perSecond',
        thresholds: {},
        queries: {
          tagged: rate('tagstream_posts_tagged_total'),
          'dead letters': rate('tagstream_posts_dead_lettered_total'),
          skipped: rate('tagstream_posts_skipped_total'),
          tombstones: rate('tagstream_tombstones_total'),
        },
        as: 'stack',
      },
      {
        title: 'Posts a second by agent',
        description: 'Whether the agents share the work. One that does nothing has no partition.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{instance}}': rate(outcomes, 'instance') },
        as: 'stack',
      },
    ],
    'How soon?': [
      {
        title: 'Time to outcome',
        description:
          'From a record’s timestamp to its outcome being out. A point is a single record: its partition and offset. The objective is 5 s.',
        unit: 'seconds',
        thresholds: { bad: 5 },
        queries: percentiles('tagstream_post_duration_seconds'),
      },
      {
        title: 'Late records',
        description:
          'Share of the records that came out later than 5 s. An alert fires where both the hour and the five minutes are over 14.4%, or both the six hours and the half hour over 6%.',
        unit: 'share',
        thresholds: { warn: 0.01, bad: 0.144 },
        queries: {
          '5 minutes': `tagstream:freshness_errors:ratio_rate5m{${chosenJobs}}`,
          'half an hour': `tagstream:freshness_errors:ratio_rate30m{${chosenJobs}}`,
          'an hour': `tagstream:freshness_errors:ratio_rate1h{${chosenJobs}}`,
          '6 hours': `tagstream:freshness_errors:ratio_rate6h{${chosenJobs}}`,
        },
      },
    ],
    'How far behind?': [
      {
        title: 'Lag in records',
        description: 'Records whose outcome is not committed, by partition. It should fall or stay.',
        unit: 'count',
        thresholds: {},
        queries: {
          '{{topic}} {{partition}}': `sum by (topic, partition) (tagstream_consumer_lag_records{${chosen}})`,
        },
        as: 'stack',
      },
      {
        title: 'Lag in seconds',
        description: 'Age of the oldest record whose outcome is not committed, by partition.',
        unit: 'seconds',
        thresholds: { warn: 60, bad: 300 },
        queries: {
          '{{topic}} {{partition}}': `max by (topic, partition) (tagstream_consumer_lag_seconds{${chosen}})`,
        },
      },
      {
        title: 'Since the last commit',
        description: 'How long ago each agent committed. It grows as well where nothing comes in.',
        unit: 'seconds',
        thresholds: { bad: 600 },
        queries: { '{{instance}}': `time() - tagstream_last_commit_timestamp_seconds{${chosen}}` },
      },
    ],
    'What goes wrong?': [
      {
        title: 'Dead letters by reason',
        description:
          'Records that could not be tagged. Their header tagstream-detail says what is wrong where.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{reason}}': rate('tagstream_posts_dead_lettered_total', 'reason') },
        as: 'stack',
      },
      {
        title: 'Skipped by reason',
        description: 'Records left out because noise.skip says so.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{reason}}': rate('tagstream_posts_skipped_total', 'reason') },
        as: 'stack',
      },
      {
        title: 'Records without an outcome',
        description:
          'Share of the records read that have none: their batch failed or hangs. The objective is under 0.1%.',
        unit: 'share',
        thresholds: { warn: 0.001, bad: 0.0144 },
        queries: {
          '5 minutes': `tagstream:completeness_errors:ratio_rate5m{${chosenJobs}}`,
          'an hour': `tagstream:completeness_errors:ratio_rate1h{${chosenJobs}}`,
        },
      },
      {
        title: 'Batches that failed',
        description: 'Batches that are read again, and trouble with the brokers. The log has the reason.',
        unit: 'perSecond',
        thresholds: { warn: 0.01 },
        queries: {
          batches: rate('tagstream_batch_failures_total'),
          brokers: rate('tagstream_broker_errors_total'),
          rebalances: rate('tagstream_rebalances_total'),
        },
      },
    ],
  },
};
