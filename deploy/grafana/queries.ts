import { chosen } from './panels.js';

/** The PromQL that panels have in common, for the agents that are chosen. */

/** How often a counter grows, each second; one series for each value of `by`. */
export const rate = (counter: string, by = '', where = ''): string =>
  `sum by (${by}) (rate(${counter}{${[chosen, where].filter(Boolean).join(',')}}[$__rate_interval]))`;

/** A quantile of a histogram. */
export const quantile = (q: number, histogram: string, by = '', where = ''): string =>
  `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, ['le', by].filter(Boolean).join(', '), where)})`;

/** The 50th, 95th and 99th percentile of a histogram, by their legend. */
export const percentiles = (histogram: string, where = ''): Readonly<Record<string, string>> =>
  Object.fromEntries([0.5, 0.95, 0.99].map((q) => [`p${q * 100}`, quantile(q, histogram, '', where)]));

/** The mean of a histogram. */
export const mean = (histogram: string, by = ''): string =>
  `${rate(`${histogram}_sum`, by)} / ${rate(`${histogram}_count`, by)}`;
