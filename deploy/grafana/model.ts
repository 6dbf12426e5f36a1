import { chosen, chosenJobs, type DashboardSpec } from './panels.js';
import { mean, quantile, rate } from './queries.js';

export const model: DashboardSpec = {
  uid: 'tagstream-model',
  title: 'Model',
  description:
    'What the model takes and gives: batches, run times, where phrases come from, and whether scores drift.',
  rows: {
    'In use': [
      {
        title: 'Model bundle',
        description: 'Agents by the bundle they have loaded. More than one: a roll-out is under way.',
        unit: 'count',
        thresholds: {},
        queries: { '{{name}} {{version}}': `count by (name, version) (tagstream_model_info{${chosen}})` },
        as: 'number',
      },
      {
        title: 'Execution provider',
        description: 'Agents by where ONNX Runtime runs the model.',
        unit: 'count',
        thresholds: {},
        queries: { '{{provider}}': `count by (provider) (tagstream_execution_provider_info{${chosen}})` },
        as: 'number',
      },
      {
        title: 'Healthy agents',
        description: 'Agents whose inference workers answer in time.',
        unit: 'count',
        thresholds: { warn: 1, below: true },
        queries: { healthy: `sum(tagstream_healthy{${chosen}})` },
        as: 'number',
      },
    ],
    Batches: [
      {
        title: 'Batch size',
        description:
          'Mean number of posts or images a run takes. It grows with the load, up to batch.maxSize.',
        unit: 'count',
        thresholds: {},
        queries: { '{{model}}': mean('tagstream_batch_size', 'model') },
      },
      {
        title: 'Wait for a batch',
        description:
          'How long the oldest of a batch waited, 95th percentile. Far over batch.maxWaitMs: the model is the limit.',
        unit: 'seconds',
        thresholds: { warn: 0.5, bad: 2.5 },
        queries: { '{{model}}': quantile(0.95, 'tagstream_batch_wait_seconds', 'model') },
      },
      {
        title: 'Run time',
        description: 'One run over a batch: mean, and 99th percentile.',
        unit: 'seconds',
        thresholds: { warn: 1, bad: 10 },
        queries: {
          '{{model}} mean': mean('tagstream_model_run_duration_seconds', 'model'),
          '{{model}} p99': quantile(0.99, 'tagstream_model_run_duration_seconds', 'model'),
        },
      },
      {
        title: 'Workers’ time',
        description:
          'Share of the time that an agent’s inference workers are at work. At 100% the model is the limit.',
        unit: 'share',
        thresholds: { warn: 0.8, bad: 0.95 },
        queries: {
          '{{instance}}': `${rate('tagstream_model_run_duration_seconds_sum', 'instance')} / sum by (instance) (tagstream_inference_workers{${chosen}})`,
        },
      },
    ],
    Keyphrases: [
      {
        title: 'Keyphrases by origin',
        description: 'How the phrases were found. One that several parts found counts for each.',
        unit: 'perSecond',
        thresholds: {},
        queries: { '{{origin}}': rate('tagstream_keyphrases_total', 'origin') },
      },
      {
        title: 'Share by origin',
        description: 'The same, of all. A share that moves says that the posts or the model changed.',
        unit: 'share',
        thresholds: {},
        queries: {
          '{{origin}}': `${rate('tagstream_keyphrases_total', 'origin')} / on () group_left () (${rate('tagstream_keyphrases_total')} > 0)`,
        },
      },
      {
        title: 'Best score',
        description:
          'Score of a post’s best phrase. It is a probability, so a lower one means fewer right tags.',
        unit: 'score',
        thresholds: {},
        queries: {
          mean: mean('tagstream_best_keyphrase_score'),
          p10: quantile(0.1, 'tagstream_best_keyphrase_score'),
          p90: quantile(0.9, 'tagstream_best_keyphrase_score'),
        },
      },
    ],
    'Match of image and text': [
      {
        title: 'Match score',
        description: 'Mean of the last hour and of the last day, where posts have one.',
        unit: 'score',
        thresholds: {},
        queries: {
          hour: `tagstream:image_match_score:mean1h{${chosenJobs}}`,
          day: `tagstream:image_match_score:mean1d{${chosenJobs}}`,
        },
      },
      {
        title: 'Match score drift',
        description: 'How far the last hour is from the last day. An alert fires over 0.1.',
        unit: 'score',
        thresholds: { bad: 0.1 },
        queries: {
          '{{job}}': `abs(tagstream:image_match_score:mean1h{${chosenJobs}} - tagstream:image_match_score:mean1d{${chosenJobs}})`,
        },
      },
    ],
  },
};
