import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type Panel,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { CLICKHOUSE, clickHouseQuery } from './clickhouse-query.ts';
import { comparisonRow } from './rows/comparison-row.ts';
import { encodingRow } from './rows/encoding-row.ts';
import { pipelineRow } from './rows/pipeline-row.ts';
import { viewersRow } from './rows/viewers-row.ts';
import { ALLOCATION_CHANGES_SQL, CONFIG_CHANGES_SQL } from './sql/comparison-sql.ts';
import { variables } from './variables.ts';

/** The first dashboard: how viewers fare, what learning changed, and whether the machinery is well. */
export function nara1r(): Dashboard {
  const builder = new DashboardBuilder('NARA-1r')
    .uid('nara-1r')
    .description('How viewers fare, what learning changed against the held baseline, and how the pipeline runs.')
    .tags(['nara'])
    .readonly()
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-24h', to: 'now' })
    .refresh('5m')
    .variables(variables())
    .annotations([
      versionChanges('Policy configs', CONFIG_CHANGES_SQL, 'purple', true),
      // A refit may bring a new allocation every minute: there for who asks.
      versionChanges('Allocations', ALLOCATION_CHANGES_SQL, 'blue', false),
    ]);
  addRow(builder, 'Viewers’ experience', viewersRow());
  addRow(builder, 'Learned against held baseline', comparisonRow());
  addRow(builder, 'Encoding by what was learned', encodingRow());
  addRow(builder, 'Pipeline', pipelineRow());
  return numbered(builder.build());
}

function addRow(builder: DashboardBuilder, title: string, panels: readonly Builder<Panel>[]): void {
  builder.withRow(new RowBuilder(title));
  for (const panel of panels) builder.withPanel(panel);
}

function versionChanges(name: string, sql: string, color: string, enable: boolean): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(CLICKHOUSE)
    .enable(enable)
    .iconColor(color)
    .target(clickHouseQuery(sql, 'table'));
}

/** Links and alerts refer to panels by id: the order on the page gives it. */
function numbered(dashboard: Dashboard): Dashboard {
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1;
  return dashboard;
}
