import { describe, expect, it } from 'vitest';
import { toPrometheusText, wantsOpenMetrics } from '../../src/telemetry/exposition.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

describe('the format of the metrics', () => {
  it.each([
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      true,
    ],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text; q=0.0, text/plain', false],
    ['application/openmetrics-text;q=0.5', true],
    ['text/plain', false],
    ['*/*', false],
    ['', false],
  ])('is OpenMetrics for those who ask for it: %s', (accept, expected) => {
    expect(wantsOpenMetrics(accept)).toBe(expected);
  });

  it('has exemplars and an end mark in OpenMetrics, and neither in Prometheus’ text', async () => {
    const metrics = createMetrics();
    metrics.postDuration.observe({ value: 0.2, exemplarLabels: { partition: '3', offset: '41' } });
    const open = await metrics.expose('application/openmetrics-text');
    const plain = await metrics.expose('text/plain');
    const bucket = 'tagstream_post_duration_seconds_bucket{le="0.25"} 1';
    expect(open.text).toContain(`\n${bucket} # {partition="3",offset="41"} 0.2 `);
    expect(open.text.endsWith('\n# EOF\n')).toBe(true);
    expect(plain.text).toContain(`\n${bucket}\n`);
    expect(plain.text).not.toMatch(/# (EOF|\{)/);
  });

  it('says of each counter in Prometheus’ text the name that its samples have', async () => {
    const metrics = createMetrics();
    await metrics.expose('application/openmetrics-text');
    const { text } = await metrics.expose();
    const counters = [...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name = '']) => name);
    expect(counters).toContain('tagstream_posts_tagged_total');
    for (const name of counters) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} `, 'm'));
      expect(name).toMatch(/_total$/);
    }
  });

  it('leaves a family alone whose name only begins like a counter’s', () => {
    const text = [
      '# HELP a A.',
      '# TYPE a counter',
      'a_total 1 # {x="1"} 1 2.5',
      '# HELP a_b B.',
      '# TYPE a_b gauge',
      'a_b 1',
      '# EOF',
      '',
    ].join('\n');
    expect(toPrometheusText(text)).toBe(
      [
        '# HELP a_total A.',
        '# TYPE a_total counter',
        'a_total 1',
        '# HELP a_b B.',
        '# TYPE a_b gauge',
        'a_b 1',
        '',
      ].join('\n'),
    );
  });
});
