import { createMetrics, type LabelValues } from '../../src/telemetry/metrics.js';

/** docs/metrics.md, as the code has it. `npm run generate` writes it anew. */
export function metricsPage(): string {
  const { descriptions } = createMetrics();
  const rows = descriptions.map(({ name, type, help, labels }) => {
    const names = Object.keys(labels).map((label) => `\`${label}\``);
    return `| \`${name}\` | ${type} | ${names.join(', ')} | ${help} |`;
  });
  const labelled = descriptions.flatMap(({ name, labels }) =>
    Object.entries(labels).map(([label, values]) => `| \`${name}\` | \`${label}\` | ${textOf(values)} |`),
  );
  return `# Metrics

<!-- Generated from src/telemetry/metrics.ts by \`npm run generate\`; a test holds it against the code. -->

\`/metrics\` speaks Prometheus' text format, and OpenMetrics to those who ask for it, as Prometheus does. All names begin
with \`tagstream_\`; times are in seconds, since 1970 where the name ends in \`timestamp_seconds\`. Node's own metrics
(\`process_…\`, \`nodejs_…\`) are there as well. What reads these numbers: the [rules and alerts](../deploy/prometheus), the
[runbook](runbook.md) and the [dashboards](../deploy/grafana).

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

## Labels

No label holds anything of a post: no user, no tag, no address. Where the values are a closed list, counters and
histograms have each from the start with 0.

| metric | label | values |
| --- | --- | --- |
${labelled.join('\n')}

## Exemplars

In OpenMetrics each bucket of \`tagstream_post_duration_seconds\` has as its exemplar the last record that fell into it,
by \`partition\` and \`offset\` in the input topic and, where it is traced, by \`trace_id\`. Prometheus keeps them with \`--enable-feature=exemplar-storage\`.

## How the lag is measured

\`tagstream_consumer_lag_records\` counts the records of a partition whose outcome is not committed, as of the last fetch;
\`tagstream_consumer_lag_seconds\` is the age of the oldest of them, and 0 where there is none. Both are set at each fetch,
commit and failure and with each heartbeat, so the seconds grow while a partition is stuck. With each assignment of
partitions both start anew, and so does \`tagstream_committed_offset\`.
`;
}

const textOf = (values: LabelValues): string =>
  typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ');
