import { MIN_PLAYS } from '../../src/telemetry/qoe-intervals.ts';
import { IN_SCOPE, type ViewMetric } from './view-metrics.ts';

/** More lines than this cannot be told apart. */
const MAX_SERIES = 10;

const ratio = ({ numerator, denominator }: ViewMetric): string => `sum(${numerator}) / nullIf(sum(${denominator}), 0)`;

/** A metric over everything in scope: one row, one column. */
export function metricSql(metric: ViewMetric): string {
  return `SELECT ${ratio(metric)} AS value
FROM scored_views
WHERE ${IN_SCOPE}
  AND ${metric.of}`;
}

/** A metric over time in the busiest (region, device) pairs; points of too few plays are left out. */
export function metricByPlaceSql(metric: ViewMetric): string {
  return `SELECT $__timeInterval(view_at) AS time, concat(region, ' · ', device) AS series, ${ratio(metric)} AS value
FROM scored_views
WHERE ${IN_SCOPE}
  AND ${metric.of}
  AND (region, device) IN (
    SELECT region, device FROM scored_views WHERE ${IN_SCOPE}
    GROUP BY region, device ORDER BY count() DESC, region, device LIMIT ${MAX_SERIES}
  )
GROUP BY time, series
HAVING count() >= ${MIN_PLAYS}
ORDER BY time, series`;
}

/** Metrics over time, over everything in scope: a line each. */
export function metricsOverTimeSql(metrics: Readonly<Record<string, ViewMetric>>): string {
  const lines = Object.entries(metrics).map(([title, metric]) => {
    const sum = (term: string) => `sumIf(${term}, ${metric.of})`;
    return `('${title}', ${sum(metric.numerator)} / nullIf(${sum(metric.denominator)}, 0))`;
  });
  return `SELECT time, line.1 AS series, line.2 AS value
FROM (
  SELECT $__timeInterval(view_at) AS time, [${lines.join(', ')}] AS lines
  FROM scored_views
  WHERE ${IN_SCOPE}
  GROUP BY time
)
ARRAY JOIN lines AS line
ORDER BY time, series`;
}

/** Seconds played over time by height of rendition. */
export const PLAYED_BY_HEIGHT_SQL = `SELECT
  $__timeInterval(view_at) AS time, if(rung.1 = 0, 'unknown', concat(rung.1, 'p')) AS series, sum(rung.2) / 1000 AS value
FROM scored_views
ARRAY JOIN arrayZip(rung_heights, mapValues(rung_ms)) AS rung
WHERE ${IN_SCOPE}
  AND class = 'started'
GROUP BY time, series
ORDER BY time, series`;

/** How many views began, whatever became of them. */
export const VIEW_COUNT_SQL = `SELECT count() AS value
FROM scored_views
WHERE ${IN_SCOPE}`;

/** Views over time, by class. */
export const VIEWS_BY_CLASS_SQL = `SELECT $__timeInterval(view_at) AS time, class AS series, toFloat64(count()) AS value
FROM scored_views
WHERE ${IN_SCOPE}
GROUP BY time, series
ORDER BY time, series`;

/** Median start-up time over everything in scope, ms. */
export const STARTUP_MEDIAN_SQL = `SELECT quantileTDigest(0.5)(assumeNotNull(startup_ms)) AS value
FROM scored_views
WHERE ${IN_SCOPE}
  AND class = 'started' AND isNotNull(startup_ms)`;

/** Quantiles of start-up time over time, ms. */
export const STARTUP_QUANTILES_SQL = `SELECT time, quantile.1 AS series, toFloat64(quantile.2) AS value
FROM (
  SELECT $__timeInterval(view_at) AS time, quantilesTDigest(0.5, 0.95)(assumeNotNull(startup_ms)) AS levels
  FROM scored_views
  WHERE ${IN_SCOPE}
    AND class = 'started' AND isNotNull(startup_ms)
  GROUP BY time
)
ARRAY JOIN [('p50', levels[1]), ('p95', levels[2])] AS quantile
ORDER BY time, series`;

/** Which arms views were given, over time. */
export const ARM_SHARES_SQL = `SELECT $__timeInterval(view_at) AS time, arm AS series, toFloat64(count()) AS value
FROM scored_views
WHERE ${IN_SCOPE}
  AND is_decided
GROUP BY time, series
ORDER BY time, series`;

/** Values of one of the reader's filters. */
export function distinctSql(column: 'region' | 'device'): string {
  return `SELECT DISTINCT ${column} FROM scored_views WHERE $__timeFilter(view_at) ORDER BY ${column}`;
}
