import { type RewardWeights, VIEW_COMPONENTS, type ViewStatistics, viewStatisticsSchema } from '../domain/index.ts';
import type { Database } from './database.ts';
import { componentSql, SCORABLE_SQL } from './view-components.ts';

/** Days of decisions the learner looks at. */
const HORIZON_DAYS = 90;
/** Nobody waits for a refit but the learner. */
const TIMEOUT_MS = 60_000;

type Row = Omit<ViewStatistics, 'context'> & ViewStatistics['context'];

/**
 * Additive statistics per (context, arm, decision day) of randomised views: pinned views, and views whose asset offered
 * one single treatment, tell nothing about arms and stay out. A view is scored when it has ended or been silent for
 * `viewTimeoutMs`. Throws DatabaseError.
 */
export async function readViewStatistics(
  database: Pick<Database, 'query'>,
  options: { reward: RewardWeights; viewTimeoutMs: number },
): Promise<ViewStatistics[]> {
  const component = componentSql(options.reward);
  const moments = VIEW_COMPONENTS.flatMap((left, index) =>
    VIEW_COMPONENTS.slice(index).map((right) => `sumIf((${component[left]}) * (${component[right]}), scored)`),
  );
  const rows = await database.query<Row>(
    `SELECT region, device, connection, arm,
       toUInt32(greatest(0, dateDiff('day', toDate(view_at), today()))) AS ageDays,
       [${moments.join(', ')}] AS moments,
       sumIf(stalled_ms, scored) AS stalledMs,
       sumIf(played_ms, scored) AS playedMs,
       count() AS decided,
       countIf(class = 'failedToStart') AS failedToStart,
       countIf(class = 'leftBeforeStart' AND closed) AS leftBeforeStart,
       countIf(class = 'unobserved' AND closed) AS unobserved
     FROM (
       SELECT *,
         ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64} AS closed,
         closed AND ${SCORABLE_SQL} AS scored
       FROM scored_views
       WHERE is_decided AND treatments > 1 AND reason != 'pin' AND view_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     )
     GROUP BY region, device, connection, arm, ageDays
     ORDER BY region, device, connection, arm, ageDays`,
    { timeoutSeconds: options.viewTimeoutMs / 1000 },
    TIMEOUT_MS,
  );
  return rows.map(({ region, device, connection, ...rest }) =>
    viewStatisticsSchema.parse({ context: { region, device, connection }, ...rest }),
  );
}

/** Views whose outcome is final (`matured`), whether or not the learner can use them. */
export async function countMaturedViews(database: Pick<Database, 'query'>, viewTimeoutMs: number): Promise<number> {
  const rows = await database.query<{ matured: number }>(
    `SELECT count() AS matured FROM scored_views
     WHERE is_decided AND (ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64})`,
    { timeoutSeconds: viewTimeoutMs / 1000 },
    TIMEOUT_MS,
  );
  return rows[0]?.matured ?? 0;
}
