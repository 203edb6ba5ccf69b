import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** The ClickHouse data source that the reader chose. */
export const CLICKHOUSE: DataSourceRef = { type: 'grafana-clickhouse-datasource', uid: `\${clickhouse}` };

/** Series: rows of (time, series, value) in order of time. Table: rows as they are. */
export type ClickHouseShape = 'timeseries' | 'table';

// What the plugin's backend expects in `format`.
const FORMATS: Record<ClickHouseShape, number> = { timeseries: 0, table: 1 };

/** A query of Grafana's ClickHouse plugin, which the foundation SDK does not know. */
export function clickHouseQuery(rawSql: string, queryType: ClickHouseShape): Builder<Dataquery> {
  const query = {
    refId: 'A',
    datasource: CLICKHOUSE,
    editorType: 'sql',
    rawSql,
    queryType,
    format: FORMATS[queryType],
  };
  return { build: () => ({ ...query, _implementsDataqueryVariant() {} }) };
}
