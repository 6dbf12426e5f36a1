import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { describeWithPrometheus, promtool } from '../support/prometheus.js';
import { minutes, scenarios, well, type Courses, type Scenario } from './alert-scenarios.js';
import { alerts, namesIn, recordings, ruleFiles, rules } from './rule-files.js';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const sections = [...runbook.matchAll(/^## (Tagstream\w+)\n\n([\s\S]*?)(?=\n## |$(?![\s\S]))/gm)];

describe('the alerts', () => {
  it('each have a section of the runbook, and the runbook has no other', () => {
    expect(sections.map(([, title]) => title).sort()).toEqual(alerts.map(({ alert }) => alert).sort());
    for (const [, title, text = ''] of sections) expect(text.length, title).toBeGreaterThan(100);
  });

  it.each(alerts)('$alert says what it is, what it means for users and where to read on', (rule) => {
    expect(rule.annotations).toEqual({
      summary: expect.stringMatching(/\w/),
      impact: expect.stringMatching(/\.$/),
      runbook_url: `docs/runbook.md#${rule.alert.toLowerCase()}`,
    });
    expect(['page', 'ticket']).toContain(rule.labels['severity']);
  });

  it('each have scenarios in which they fire and in which they keep quiet', () => {
    expect(Object.keys(scenarios).sort()).toEqual(alerts.map(({ alert }) => alert).sort());
    for (const { fires, quiet } of Object.values(scenarios)) {
      expect(Math.min(fires.length, quiet.length)).toBeGreaterThan(0);
    }
  });
});

describe('the rules', () => {
  it('name only metrics that the agent has and series that another rule records', async () => {
    const known = new Set(recordings.map(({ record }) => record));
    for (const { name, type } of await createMetrics().registry.getMetricsAsJSON()) {
      // The types say that this is a number; it is the type's name.
      const suffixes = String(type) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      for (const suffix of suffixes) known.add(name + suffix);
    }
    const named = rules.flatMap(({ expr }) => namesIn(expr));
    expect(named.length).toBeGreaterThan(rules.length);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describeWithPrometheus('promtool', () => {
  it('takes the rules', async () => {
    expect(await promtool(['check', 'rules', '--lint-fatal', ...ruleFiles])).toMatchObject({ code: 0 });
  });

  it('sees no alert where all is well', async () => {
    expect(await firing(well)).toEqual([]);
  });

  const firesWhen = rows('fires');
  const quietWhen = rows('quiet');

  it.each(firesWhen)('sees $alert fire, and no other, when $when', async ({ alert, series }) => {
    expect(await firing({ ...well, ...series })).toEqual([alert]);
  });

  it.each(quietWhen)('sees $alert quiet when $when', async ({ alert, series }) => {
    expect(await firing({ ...well, ...series })).not.toContain(alert);
  });
});

function rows(which: 'fires' | 'quiet'): (Scenario & { readonly alert: string })[] {
  return Object.entries(scenarios).flatMap(([alert, scenario]) =>
    scenario[which].map((one) => ({ alert, ...one })),
  );
}

/** The alerts that fire at the end of these courses, as promtool evaluates the rules. */
async function firing(courses: Courses): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tagstream-promtool-'));
  try {
    const file = join(folder, 'test.yml');
    await writeFile(
      file,
      stringify({
        rule_files: ruleFiles,
        // Rarer than in earnest, which takes a third of the time.
        evaluation_interval: '3m',
        tests: [
          {
            interval: '1m',
            input_series: Object.entries(courses).map(([name, course]) => ({
              series: withLabels(name),
              values: Array.from({ length: minutes + 1 }, (_, minute) => course(minute) ?? '_').join(' '),
            })),
            promql_expr_test: [
              {
                expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
                eval_time: `${minutes}m`,
                // Never what comes: promtool then says what did.
                exp_samples: [{ labels: '{alertname="Expected"}', value: 1 }],
              },
            ],
          },
        ],
      }),
    );
    const { output } = await promtool(['test', 'rules', file]);
    const [, got] = /got:\s*(.*)$/m.exec(output) ?? [];
    if (got === undefined) throw new Error(output);
    return [...got.matchAll(/alertname="(\w+)"/g)].map(([, name = '']) => name).sort();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The series' name with the agent's labels, but for those that it has itself. */
function withLabels(name: string): string {
  const [, metric = '', own = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(name) ?? [];
  const others = ['job="tagstream"', 'instance="agent-0"'].filter(
    (label) => !own.includes(label.split('=')[0] ?? ''),
  );
  return `${metric}{${[own, ...others].filter((label) => label !== '').join(',')}}`;
}
