import { IN_SCOPE, type ViewMetric } from './view-metrics.ts';

const Z95 = 1.96;

// Allocation shifts views away from the baseline as evidence comes in, and does so in some contexts before others: bare
// averages of both sides would compare early views with late ones. Every view therefore counts for 1 ÷ the probability
// that its side had at its decision. A side is a treatment: an arm that resolves to the baseline's renditions is baseline.
const compared = (metric: ViewMetric): string => `offered AS (
  SELECT
    view_id,
    eligible_sets[indexOf(eligible_arms, '\${baseline}')] AS baseline_set,
    arraySum((p, s) -> if(s = baseline_set, p, 0), eligible_propensities, eligible_sets) AS baseline_p
  FROM decisions
  ORDER BY view_id, decisions.decided_at
  LIMIT 1 BY view_id
),
compared AS (
  SELECT
    view_at,
    concat(region, ' · ', device, ' · ', connection) AS cell,
    set_hash = offered.baseline_set AS held,
    1 / if(held, offered.baseline_p, 1 - offered.baseline_p) AS weight,
    weight * (${metric.numerator}) AS x,
    weight * (${metric.denominator}) AS y
  FROM scored_views INNER JOIN offered ON scored_views.view_id = offered.view_id
  WHERE ${IN_SCOPE}
    AND is_decided AND reason != 'pin' AND lift_panel >= $panel
    AND offered.baseline_p > 0 AND offered.baseline_p < 1
    AND (ended OR last_received_at < now64(3) - INTERVAL 5 MINUTE)
    AND ${metric.of}
)`;

/**
 * Held baseline against everything else, per context and over all of them: weighted means, their difference (others −
 * baseline) and its 95 % interval by the delta method, null below two views a side.
 */
export function comparisonSql(metric: ViewMetric): string {
  return `WITH ${compared(metric)},
cells AS (
  SELECT
    cell, held,
    count() AS cell_n, sum(x) AS sx, sum(y) AS sy, sum(x * x) AS sxx, sum(x * y) AS sxy, sum(y * y) AS syy
  FROM compared
  GROUP BY cell, held
),
sides AS (
  SELECT
    name, held, sum(cell_n) AS n, sum(sx) / nullIf(sum(sy), 0) AS mean,
    n / nullIf(n - 1, 0) * (sum(sxx) - 2 * mean * sum(sxy) + mean * mean * sum(syy)) / (sum(sy) * sum(sy)) AS variance
  FROM cells
  ARRAY JOIN [cell, 'all contexts'] AS name
  GROUP BY name, held
),
pairs AS (
  SELECT
    name,
    sumIf(n, held) AS held_n, sumIf(n, NOT held) AS other_n,
    anyIf(mean, held) AS held_mean, anyIf(mean, NOT held) AS other_mean,
    if(least(held_n, other_n) < 2, NULL, ${Z95} * sqrt(greatest(0, sum(variance)))) AS half_width
  FROM sides
  GROUP BY name
  HAVING held_n > 0 AND other_n > 0
)
SELECT
  name AS "context",
  held_n AS "baseline views",
  other_n AS "other views",
  held_mean AS "held baseline",
  other_mean AS "other arms",
  other_mean - held_mean AS "difference",
  other_mean - held_mean - half_width AS "95 % from",
  other_mean - held_mean + half_width AS "95 % to"
FROM pairs
ORDER BY name`;
}

/** Weighted means of both sides over time. */
export function comparisonOverTimeSql(metric: ViewMetric): string {
  return `WITH ${compared(metric)}
SELECT
  $__timeInterval(view_at) AS time,
  if(held, 'held baseline', 'other arms') AS series,
  sum(x) / nullIf(sum(y), 0) AS value
FROM compared
GROUP BY time, series
ORDER BY time, series`;
}

/** The baseline arm's id in the newest policy config; `baseline` where none has been copied yet. */
export const BASELINE_ARM_SQL = `SELECT if(count() = 0, 'baseline', argMax(
  JSONExtractString(arrayFirst(arm -> JSONExtractBool(arm, 'baseline'), JSONExtractArrayRaw(document, 'arms')), 'id'),
  version
)) AS arm
FROM policy_documents
WHERE kind = 'config'`;

const versionChangesSql = (kind: 'config' | 'allocation', title: string): string => `SELECT
  min(decisions.decided_at) AS time,
  '${title} ' || toString(${kind}_version) AS title,
  anyIf(JSONExtractString(policy_documents.document, 'reason'), policy_documents.kind = '${kind}') AS text,
  'policy' AS tags
FROM decisions LEFT JOIN policy_documents
  ON policy_documents.version = decisions.${kind}_version AND policy_documents.kind = '${kind}'
GROUP BY ${kind}_version
HAVING $__timeFilter(time)
ORDER BY time`;

/** When each policy config was first decided by, with the reason its author gave. */
export const CONFIG_CHANGES_SQL = versionChangesSql('config', 'Policy config');

/** When each allocation was first decided by. */
export const ALLOCATION_CHANGES_SQL = versionChangesSql('allocation', 'Allocation');
