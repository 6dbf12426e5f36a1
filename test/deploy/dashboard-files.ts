import { images } from '../../deploy/grafana/images.js';
import { model } from '../../deploy/grafana/model.js';
import { overview } from '../../deploy/grafana/overview.js';
import type { DashboardSpec } from '../../deploy/grafana/panels.js';
import { runtime } from '../../deploy/grafana/runtime.js';

/** Every dashboard there is, in the order an operator reads them. */
export const dashboards: readonly DashboardSpec[] = [overview, model, images, runtime];

/** Its panels, each with its PromQL. */
export function panelsOf({ rows }: DashboardSpec) {
  return Object.values(rows)
    .flat()
    .map(({ title, queries }) => ({ title, queries: Object.values(queries) }));
}
