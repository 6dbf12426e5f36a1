import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildDashboard } from '../../deploy/grafana/panels.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { dashboards, panelsOf } from './dashboard-files.js';
import { namesIn, recordings } from './rule-files.js';

const folder = new URL('../../deploy/grafana/dashboards/', import.meta.url);

describe('the dashboards', () => {
  it.each(dashboards)('$title stands in its file as the code has it', async (spec) => {
    const json = `${JSON.stringify(buildDashboard(spec), null, 2)}\n`;
    await expect(json).toMatchFileSnapshot(
      `../../deploy/grafana/dashboards/${spec.title.toLowerCase()}.json`,
    );
  });

  it('have no file beside those that the code has', () => {
    expect(readdirSync(folder).sort()).toEqual(
      dashboards.map(({ title }) => `${title.toLowerCase()}.json`).sort(),
    );
  });

  it.each(dashboards)(
    '$title has panels with a description, a unit and thresholds each, side by side',
    (spec) => {
      const { panels = [] } = buildDashboard(spec);
      const places = new Set<number>();
      for (const panel of panels) {
        if (!('targets' in panel)) continue;
        expect(panel.title).toBeTruthy();
        expect(panel.description).toMatch(/\.$/);
        expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
        expect(panel.fieldConfig?.defaults.thresholds?.steps.length).toBeGreaterThan(0);
        const { x = 0, y = 0, w = 0, h = 0 } = panel.gridPos ?? {};
        expect(x + w).toBeLessThanOrEqual(24);
        for (let row = y; row < y + h; row += 1) {
          for (let column = x; column < x + w; column += 1) {
            expect(places, `${panel.title} lies over another`).not.toContain(row * 24 + column);
            places.add(row * 24 + column);
          }
        }
      }
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    },
  );

  it('ask only for metrics that the agent has and series that the rules record', async () => {
    const known = new Set(recordings.map(({ record }) => record));
    for (const { name } of await createMetrics().registry.getMetricsAsJSON()) {
      for (const suffix of ['', '_bucket', '_sum', '_count']) known.add(name + suffix);
    }
    const named = dashboards.flatMap((spec) =>
      panelsOf(spec).flatMap(({ queries }) => queries.flatMap(namesIn)),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('have every panel that the runbook sends its reader to', () => {
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
    const titles = dashboards.flatMap((spec) => panelsOf(spec).map(({ title }) => title));
    const named = [...runbook.matchAll(/"([A-Z][^"]+)"/g)].map(([, title = '']) => title);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((title) => !titles.includes(title))).toEqual([]);
  });
});
