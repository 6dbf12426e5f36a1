import { describe, expect, it } from 'vitest';
import { imageAbsences } from '../../src/domain/image.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { describeWithPrometheus, promtool } from '../support/prometheus.js';

describe('the metrics', () => {
  it('bound every label by a closed list or by words that say what bounds it', () => {
    const labels = createMetrics().descriptions.flatMap((metric) => Object.values(metric.labels));
    expect(labels.length).toBeGreaterThan(0);
    for (const values of labels) expect(values.length).toBeGreaterThan(0);
  });

  it('start at 0 for each value of a closed list', async () => {
    const { text } = await createMetrics().expose();
    for (const outcome of ['used', ...imageAbsences]) {
      expect(text).toContain(`\ntagstream_images_total{outcome="${outcome}"} 0\n`);
    }
    expect(text).toContain('\ntagstream_stage_duration_seconds_count{stage="write"} 0\n');
  });

  it('are all registered, and nothing else has their prefix', async () => {
    const metrics = createMetrics();
    const registered = metrics.registry.getMetricsAsArray().map(({ name }) => name);
    const described = metrics.descriptions.map(({ name }) => name);
    expect(registered.filter((name) => name.startsWith('tagstream_'))).toEqual(described);
    expect(metrics.descriptions.filter(({ help }) => !/^[A-Z].*\.$|\)\.$/.test(help))).toEqual([]);
  });
});

describeWithPrometheus('promtool', () => {
  it('finds nothing to reprove in the metrics', async () => {
    const metrics = createMetrics();
    metrics.consumerLagRecords.set({ topic: 'posts', partition: 0 }, 1);
    metrics.postDuration.observe({ value: 1, exemplarLabels: { partition: '0', offset: '7' } });
    const { text } = await metrics.expose();
    expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, output: '' });
  });

  it('would reprove a gauge that is called like a counter', async () => {
    const { code, output } = await promtool(
      ['check', 'metrics'],
      '# HELP x_total X.\n# TYPE x_total gauge\nx_total 1\n',
    );
    expect(code).not.toBe(0);
    expect(output).toContain('_total');
  });
});
