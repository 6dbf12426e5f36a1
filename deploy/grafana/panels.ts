import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
  LegendDisplayMode,
  LegendPlacement,
} from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import {
  BytesIEC,
  CountsPerSecond,
  NoUnit,
  PercentUnit,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';

/** One template for every panel, so that each has a title, a description, a unit and thresholds. */

export const units = {
  seconds: Seconds,
  share: PercentUnit,
  perSecond: CountsPerSecond,
  count: Short,
  score: NoUnit,
  bytes: BytesIEC,
} as const;

/** Agents chosen at the top of the dashboard; recorded series are sums over a job's agents and have no instance. */
export const chosen = 'job=~"$job",instance=~"$instance"';
export const chosenJobs = 'job=~"$job"';

export interface Panel {
  readonly title: string;
  /** What it shows and what to make of it. */
  readonly description: string;
  readonly unit: keyof typeof units;
  /** Where it begins to be bad, and very bad; `below`: when it falls under these. */
  readonly thresholds: { readonly warn?: number; readonly bad?: number; readonly below?: boolean };
  /** PromQL by its legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** `number` shows the latest value large, `stack` adds the series up. */
  readonly as?: 'lines' | 'stack' | 'number';
}

/** Panels side by side under a title. */
export type Rows = Readonly<Record<string, readonly Panel[]>>;

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: Rows;
}

const datasource = { type: 'prometheus', uid: '${datasource}' };
const tag = 'tagstream';

export function buildDashboard({ uid, title, description, rows }: DashboardSpec): Dashboard {
  const dashboard = new DashboardBuilder(`tagstream: ${title}`)
    .uid(uid)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(labelVariable('job', 'Job', 'label_values(tagstream_build_info, job)'))
    .withVariable(
      labelVariable('instance', 'Agent', 'label_values(tagstream_build_info{job=~"$job"}, instance)'),
    )
    .annotation(
      new AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(datasource)
        .enable(true)
        .iconColor('red')
        .expr('ALERTS{alertname=~"Tagstream.+",alertstate="firing"}'),
    )
    .link(
      new DashboardLinkBuilder('tagstream')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .keepTime(true)
        .includeVars(true),
    );
  let id = 0;
  for (const [row, panels] of Object.entries(rows)) {
    dashboard.withRow(new RowBuilder(row).id((id += 1)));
    for (const panel of panels) {
      const width = Math.floor(24 / panels.length);
      dashboard.withPanel(
        panelOf(panel)
          .id((id += 1))
          .span(width)
          .height(panel.as === 'number' ? 5 : 8),
      );
    }
  }
  return dashboard.build();
}

function labelVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: 'All', value: '$__all', selected: true });
}

function panelOf(panel: Panel): StatBuilder | TimeSeriesBuilder {
  const { as = 'lines', title, description, unit, queries } = panel;
  const builder =
    as === 'number'
      ? new StatBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
      : lines(panel);
  return builder
    .title(title)
    .description(description)
    .unit(units[unit])
    .datasource(datasource)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(panel)))
    .targets(
      Object.entries(queries).map(([legend, expr], index) => {
        const query = new DataqueryBuilder()
          .refId(String.fromCharCode(65 + index))
          .datasource(datasource)
          .expr(expr)
          .legendFormat(legend);
        return as === 'number' ? query.instant() : query.range().exemplar(expr.includes('_bucket'));
      }),
    );
}

function lines({ as, unit, thresholds: { warn, bad } }: Panel): TimeSeriesBuilder {
  const builder = new TimeSeriesBuilder()
    .lineWidth(1)
    .fillOpacity(as === 'stack' ? 30 : 8)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (unit !== 'score') builder.min(0);
  if (as === 'stack') builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (warn === undefined && bad === undefined) return builder;
  return builder.thresholdsStyle(
    new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
  );
}

function steps({ thresholds: { warn, bad, below = false } }: Panel) {
  const step = (value: number | undefined, color: string) => (value === undefined ? [] : [{ value, color }]);
  return below
    ? [{ value: null, color: 'red' }, ...step(bad, 'orange'), ...step(warn, 'green')]
    : [{ value: null, color: 'green' }, ...step(warn, 'orange'), ...step(bad, 'red')];
}
