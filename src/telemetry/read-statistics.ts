import {
  CLIPPED_COMPONENTS,
  type RewardWeights,
  VIEW_COMPONENTS,
  type ViewStatistics,
  viewStatisticsSchema,
} from '../domain/index.ts';
import type { Database } from './database.ts';
import { scoredViewsSelect, TRANSPARENT_QUALITY } from './schema/scored-views.ts';
import { timeSql, type ViewScope } from './schema/view-scope.ts';
import { chooseDetail, type Detail, keysSql } from './statistics-detail.ts';
import { componentSql, type RewardClips, SCORABLE_SQL } from './view-components.ts';

/** Days of decisions the learner looks at. */
const HORIZON_DAYS = 90;
const DAY_MS = 86_400_000;
/**
 * Views of one address block that weigh fully per (cell, arm, day). A household or an office is far below it; a carrier's block of
 * thousands is heard, and no sender of thousands decides.
 */
const BLOCK_CAP = 30;
/** Nobody waits for a refit but the learner. */
const TIMEOUT_MS = 60_000;

type Row = Omit<ViewStatistics, 'context' | 'clipped'> & ViewStatistics['context'] & { clipped: number[] };
type Options = {
  reward: RewardWeights;
  viewTimeoutMs: number;
  /** Views that began in [from, to); otherwise those decided in the last 90 days. */
  range?: { from: Date; to: Date } | undefined;
  nowMs?: number;
  maxRows?: number;
  blockCap?: number;
};

/**
 * Additive statistics of randomised views: pinned views, and views whose asset offered one single treatment, tell nothing about
 * arms and stay out. A view is scored when it has ended or been silent for `viewTimeoutMs`, unless it is implausible. At most about
 * `maxRows` rows as far as merging keys can do it. Throws DatabaseError.
 */
export async function readViewStatistics(
  database: Pick<Database, 'query'>,
  options: Options,
): Promise<ViewStatistics[]> {
  const { range } = options;
  const since = range?.from ?? new Date((options.nowMs ?? Date.now()) - HORIZON_DAYS * DAY_MS);
  const detail = await chooseDetail(database, since, options.maxRows);
  const rows = await database.query<Row>(
    statisticsSql(options.reward, range ?? { decidedSince: since }, since, detail),
    { timeoutSeconds: options.viewTimeoutMs / 1000, cap: options.blockCap ?? BLOCK_CAP },
    TIMEOUT_MS,
  );
  return rows.map(({ region, device, connection, clipped, ...rest }) =>
    viewStatisticsSchema.parse({
      context: { region, device, connection },
      clipped: Object.fromEntries(CLIPPED_COMPONENTS.map((name, index) => [name, clipped[index]])),
      ...rest,
    }),
  );
}

function statisticsSql(reward: RewardWeights, scope: ViewScope, since: Date, detail: Detail): string {
  const component = componentSql(reward);
  const atClip = atClipSql(reward);
  const moments = VIEW_COMPONENTS.flatMap((left, index) =>
    VIEW_COMPONENTS.slice(index).map((right) => `sumIf(weight * (${component[left]}) * (${component[right]}), scored)`),
  );
  const keys = Object.entries(keysSql(detail));
  const groups = ['region', 'device', 'connection', 'arm', ...keys.map(([name]) => name)].join(', ');
  return `
WITH if(busy.views_of_block > 0, {cap:UInt32} / busy.views_of_block, 1.) AS weight
SELECT region, device, connection, arm, ${keys.map(([name, sql]) => `${sql} AS ${name}`).join(', ')},
  [${moments.join(', ')}] AS moments,
  [${CLIPPED_COMPONENTS.map((name) => `sumIf(weight, scored AND ${atClip[name]})`).join(', ')}] AS clipped,
  sumIf(weight * stalled_ms, scored) AS stalledMs,
  sumIf(weight * played_ms, scored) AS playedMs,
  sum(weight) AS decided,
  sumIf(weight, class = 'failedToStart') AS failedToStart,
  sumIf(weight, class = 'leftBeforeStart' AND closed) AS leftBeforeStart,
  sumIf(weight, class = 'unobserved' AND closed) AS unobserved,
  sum(1 - weight) AS capped,
  sumIf(weight, views.implausible) AS implausible
FROM (
  SELECT *, toDate(view_at) AS day,
    ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64} AS closed,
    closed AND ${SCORABLE_SQL} AND NOT implausible AS scored
  FROM (${scoredViewsSelect(scope)})
  WHERE treatments > 1 AND reason != 'pin'
) AS views
LEFT JOIN (${overCapSql(since)}) AS busy USING (region, device, connection, arm, day, block)
GROUP BY ${groups} ORDER BY ${groups}`;
}

/** True of a scored view that is at the clip of a component. */
function atClipSql(clips: RewardClips): Record<(typeof CLIPPED_COMPONENTS)[number], string> {
  return {
    quality: `quality_ms >= ${TRANSPARENT_QUALITY} * known_rung_ms`,
    stall: `stalled_ms > ${clips.stallRatioClip} * (played_ms + stalled_ms)`,
    startup: `ifNull(startup_ms, 0) > ${clips.startupClipSeconds * 1000}`,
    switches: `switches > ${clips.switchesPerMinuteClip} * played_ms / 60000`,
  };
}

/** Blocks that have more than their share, by what they have it of; servers have no block and are trusted. */
function overCapSql(since: Date): string {
  const randomised = `decided_at >= ${timeSql(since)} AND block != '' AND reason != 'pin' AND length(arrayDistinct(eligible_sets)) > 1`;
  return `
  SELECT region, device, connection, arm, toDate(decided_at) AS day, block, uniqExact(view_id) AS views_of_block FROM decisions
  WHERE ${randomised} AND block IN (SELECT block FROM decisions WHERE ${randomised} GROUP BY block HAVING count() > {cap:UInt32})
  GROUP BY region, device, connection, arm, day, block HAVING views_of_block > {cap:UInt32}`;
}

/** Views whose outcome is final (`matured`), whether or not the learner can use them, as far back as it looks. */
export async function countMaturedViews(
  database: Pick<Database, 'query'>,
  viewTimeoutMs: number,
  nowMs = Date.now(),
): Promise<number> {
  const since = new Date(nowMs - HORIZON_DAYS * DAY_MS);
  const rows = await database.query<{ matured: number }>(
    `SELECT count() AS matured FROM (${scoredViewsSelect({ decidedSince: since })})
     WHERE ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64}`,
    { timeoutSeconds: viewTimeoutMs / 1000 },
    TIMEOUT_MS,
  );
  return rows[0]?.matured ?? 0;
}
