import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** Prometheus' rules as they stand in deploy/prometheus. */

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export const ruleFiles = ['objectives.yml', 'alerts.yml'].map((name) =>
  fileURLToPath(new URL(`../../deploy/prometheus/${name}`, import.meta.url)),
);

export const rules: readonly (AlertRule | RecordingRule)[] = ruleFiles.flatMap((file) => {
  const { groups } = parse(readFileSync(file, 'utf8')) as {
    groups: { rules: (AlertRule | RecordingRule)[] }[];
  };
  return groups.flatMap((group) => group.rules);
});

export const alerts = rules.filter((rule): rule is AlertRule => 'alert' in rule);
export const recordings = rules.filter((rule): rule is RecordingRule => 'record' in rule);

/** The metrics and recorded series that a PromQL expression names. */
export function namesIn(expression: string): string[] {
  const withoutLabels = expression.replace(/\{[^}]*\}/g, '');
  return withoutLabels.match(/\b(tagstream[_:]|nodejs_|process_)[a-z0-9_:A-Z]*/g) ?? [];
}
