import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  type StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { CLICKHOUSE, clickHouseQuery } from './clickhouse-query.ts';

/** The Prometheus data source that the reader chose. */
export const PROMETHEUS: DataSourceRef = { type: 'prometheus', uid: `\${prometheus}` };

/** What every panel says about itself: what it shows, how to read it, in which unit. */
export type PanelFacts = { title: string; description: string; unit: string; decimals?: number };

/** Columns of the 24-column grid. */
const THIRD = 8;
const SIXTH = 4;
const FULL = 24;
const STAT_HEIGHT = 4;
const PANEL_HEIGHT = 8;
/** Below this a bucket of views is mostly noise. */
const LEAST_CLICKHOUSE_INTERVAL = '1m';

/** `min` is 0 unless said otherwise; null lets the axis follow values below it. */
type SeriesLook = { stacking?: StackingMode; min?: null; max?: number };

/** One figure for the whole time range; the SQL answers one row with a column `value`. */
export function statPanel(facts: PanelFacts, sql: string): StatBuilder {
  return withFacts(new StatBuilder(), facts)
    .datasource(CLICKHOUSE)
    .height(STAT_HEIGHT)
    .span(SIXTH)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .withTarget(clickHouseQuery(sql, 'table'));
}

/** Lines over time; the SQL answers (time, series, value). */
export function clickHouseSeriesPanel(facts: PanelFacts, sql: string, look: SeriesLook = {}): TimeSeriesBuilder {
  return seriesPanel(facts, look)
    .datasource(CLICKHOUSE)
    .interval(LEAST_CLICKHOUSE_INTERVAL)
    .displayName(`\${__field.labels.series}`)
    .withTarget(clickHouseQuery(sql, 'timeseries'));
}

/** Lines over time, from Prometheus: expression by legend (`{{label}}` allowed). */
export function prometheusSeriesPanel(
  facts: PanelFacts,
  expressions: Readonly<Record<string, string>>,
  look: SeriesLook = {},
): TimeSeriesBuilder {
  return seriesPanel(facts, look).datasource(PROMETHEUS).targets(prometheusQueries(expressions));
}

/** Rows as they are; the unit is that of every column which `units` does not name. */
export function tablePanel(facts: PanelFacts, sql: string, units: Readonly<Record<string, string>>): TableBuilder {
  const panel = withFacts(new TableBuilder(), facts)
    .datasource(CLICKHOUSE)
    .height(PANEL_HEIGHT)
    .span(FULL)
    .withTarget(clickHouseQuery(sql, 'table'));
  for (const [column, unit] of Object.entries(units)) panel.overrideByName(column, [{ id: 'unit', value: unit }]);
  return panel;
}

function seriesPanel(facts: PanelFacts, { stacking, min, max }: SeriesLook): TimeSeriesBuilder {
  const panel = withFacts(new TimeSeriesBuilder(), facts)
    .height(PANEL_HEIGHT)
    .span(THIRD)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (min !== null) panel.min(0);
  if (max !== undefined) panel.max(max);
  if (stacking !== undefined) panel.stacking(new StackingConfigBuilder().mode(stacking)).fillOpacity(30);
  return panel;
}

type Describable<Panel> = {
  title(text: string): Panel;
  description(text: string): Panel;
  unit(unit: string): Panel;
  decimals(count: number): Panel;
};

function withFacts<Panel extends Describable<Panel>>(panel: Panel, facts: PanelFacts): Panel {
  const described = panel.title(facts.title).description(facts.description).unit(facts.unit);
  return facts.decimals === undefined ? described : described.decimals(facts.decimals);
}

function prometheusQueries(expressions: Readonly<Record<string, string>>): Builder<Dataquery>[] {
  return Object.entries(expressions).map(([legend, expression], index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .datasource(PROMETHEUS)
      .expr(expression)
      .legendFormat(legend)
      .range(),
  );
}
