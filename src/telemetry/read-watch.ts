import type { Database } from './database.ts';

/** Older views say nothing about what will be watched. */
const HORIZON_DAYS = 28;
/** Interest in a video halves in about a week; what it was decides what it will be. */
const HALF_LIFE_DAYS = 7;
const MOST_WATCHED = 500;
const TIMEOUT_MS = 30_000;

/**
 * What views of the most watched assets will still come to: under interest that halves every week, the time still to be watched is
 * the time watched so far, each view discounted by its age as interest is.
 */
export async function readWatchForecast(
  database: Pick<Database, 'query'>,
): Promise<Map<string, { seconds: number; megabytes: number }>> {
  const rows = await database.query<{ assetId: string; seconds: number; megabytes: number }>(
    `SELECT asset_id AS assetId,
       sum(played_ms * weight) / 1000 AS seconds,
       sum(delivered_kbit * weight) / 8000 AS megabytes
     FROM (
       SELECT asset_id, played_ms, delivered_kbit, exp2(-dateDiff('hour', view_at, now()) / ${24 * HALF_LIFE_DAYS}) AS weight
       FROM scored_views
       WHERE class = 'started' AND NOT implausible AND view_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     )
     GROUP BY asset_id
     ORDER BY megabytes DESC
     LIMIT ${MOST_WATCHED}`,
    {},
    TIMEOUT_MS,
  );
  return new Map(rows.map(({ assetId, ...watch }) => [assetId, watch]));
}
