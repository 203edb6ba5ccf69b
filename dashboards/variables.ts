import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableHide,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { CLICKHOUSE } from './clickhouse-query.ts';
import { BASELINE_ARM_SQL } from './sql/comparison-sql.ts';
import { distinctSql } from './sql/view-sql.ts';

/** What the reader of the dashboard may choose. */
export function variables(): Builder<VariableModel>[] {
  return [
    new DatasourceVariableBuilder('clickhouse').label('ClickHouse').type('grafana-clickhouse-datasource'),
    new DatasourceVariableBuilder('prometheus').label('Prometheus').type('prometheus'),
    filter('region', 'Region'),
    filter('device', 'Device'),
    new CustomVariableBuilder('panel')
      .label('Compare on')
      .description(
        'Lift-panel assets carry the baseline’s rungs beside the learned ones, so that chance alone decides who sees what.',
      )
      .values('lift-panel assets : 1, all randomised views : 0')
      .allowCustomValue(false)
      .current({ selected: true, text: 'lift-panel assets', value: '1' }),
    new QueryVariableBuilder('baseline')
      .description('The baseline arm of the newest policy config.')
      .datasource(CLICKHOUSE)
      .query(BASELINE_ARM_SQL)
      .allowCustomValue(false)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .hide(VariableHide.HideVariable),
  ];
}

function filter(name: 'region' | 'device', label: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(CLICKHOUSE)
    .query(distinctSql(name))
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .allowCustomValue(false)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
