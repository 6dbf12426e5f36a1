/** The two text formats of metrics: OpenMetrics, which has exemplars, and Prometheus' older one. */

/** Whether an Accept header asks for OpenMetrics. */
export function wantsOpenMetrics(accept: string): boolean {
  return /\bapplication\/openmetrics-text\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accept);
}

/**
 * The same metrics in Prometheus' text format: there a counter's family bears the suffix `_total`, and there are
 * neither exemplars nor an end mark.
 */
export function toPrometheusText(openMetrics: string): string {
  const counters = new Set([...openMetrics.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name));
  return openMetrics
    .split('\n')
    .filter((line) => line !== '# EOF')
    .map((line) => {
      const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
      if (kind !== undefined) return counters.has(name) ? `# ${kind} ${name}_total ${rest}` : line;
      return line.replace(/ # \{[^}]*\} \S+ \S+$/, '');
    })
    .join('\n');
}
