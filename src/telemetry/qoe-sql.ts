import { type QoeAggregate, qoeAggregates } from './qoe-aggregates.ts';
import type { QoeSource } from './qoe-source.ts';
import { ROLLUPS_OVER_ASSETS_SELECT, ROLLUPS_SELECT } from './rollups.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import { KEPT_DAYS } from './schema/tables.ts';
import type { RewardClips } from './view-components.ts';

/** What views can be grouped by. */
export const QOE_KEYS = ['region', 'device', 'connection', 'arm', 'assetId', 'hour', 'measuredBy'] as const;
export type QoeKey = (typeof QOE_KEYS)[number];

/** Keys that roll-ups do not keep apart. */
export const KEYS_OF_VIEWS_ONLY: readonly QoeKey[] = ['measuredBy'];

const COLUMN_OF: Record<Exclude<QoeKey, 'hour'>, string> = {
  region: 'region',
  device: 'device',
  connection: 'connection',
  arm: 'arm',
  assetId: 'asset_id',
  measuredBy: 'measured_by',
};

/** Rows over all assets of hours that are built anew when something is erased from them, and sums by asset of older ones. */
const REBUILDABLE = `hour >= now() - INTERVAL ${KEPT_DAYS - 1} DAY`;
const OVER_ASSETS = `${ROLLUPS_OVER_ASSETS_SELECT} AND ${REBUILDABLE} UNION ALL ${ROLLUPS_SELECT} AND NOT (${REBUILDABLE})`;

/**
 * SQL of a row per group: `key_KEY…` and a column per aggregate. Views are summed, roll-ups are merged, and both are merged
 * with each other; `{assetId:String}` narrows them where `ofAsset`.
 */
export function qoeSql(
  source: QoeSource,
  question: { groupBy: readonly QoeKey[]; ofAsset: boolean; clips: RewardClips },
): string {
  const { groupBy, clips } = question;
  const aggregates = qoeAggregates(clips);
  const keys = groupBy.map((key) => `key_${key}`);
  const grouped = keys.length === 0 ? '' : `GROUP BY ${keys.join(', ')}`;
  const ofAsset = question.ofAsset ? 'AND asset_id = {assetId:String}' : '';
  const rollups = question.ofAsset || groupBy.includes('assetId') ? ROLLUPS_SELECT : OVER_ASSETS;
  const parts = [viewsSql(source, groupBy, aggregates), rollupsSql(source, groupBy, aggregates, rollups)]
    .filter((part) => part !== null)
    .map((part) => `${part} ${ofAsset} ${grouped}`);
  if (parts.length === 1) return parts.join();
  return `SELECT ${[...keys, ...aggregates.map(mergedSql)].join(', ')} FROM (${parts.join('\nUNION ALL\n')}) ${grouped}`;
}

function viewsSql(
  { views, fromMs, toMs }: QoeSource,
  groupBy: readonly QoeKey[],
  aggregates: readonly QoeAggregate[],
): string | null {
  if (views.length === 0) return null;
  const keys = keysSql(groupBy, 'toStartOfHour(view_at)');
  return `SELECT ${[...keys, ...aggregates.map(({ column, fromViews }) => `${fromViews} AS ${column}`)].join(', ')}
FROM (${views.map((scope) => `SELECT * FROM (${scoredViewsSelect(scope)})`).join('\nUNION ALL\n')})
WHERE view_at >= ${momentSql(fromMs)} AND view_at < ${momentSql(toMs)}`;
}

function rollupsSql(
  { rollups }: QoeSource,
  groupBy: readonly QoeKey[],
  aggregates: readonly QoeAggregate[],
  select: string,
): string | null {
  if (rollups === null) return null;
  const { from, to, except } = rollups;
  return `SELECT ${[...keysSql(groupBy, 'hour'), ...aggregates.map(mergedSql)].join(', ')}
FROM (${select})
WHERE hour >= ${hourSql(from)} AND hour < ${hourSql(to)} ${except.length === 0 ? '' : `AND hour NOT IN (${except.map(hourSql).join(', ')})`}`;
}

function keysSql(groupBy: readonly QoeKey[], hour: string): string[] {
  return groupBy.map((key) =>
    key === 'hour' ? `formatDateTime(${hour}, '%Y-%m-%dT%H:00:00Z') AS key_hour` : `${COLUMN_OF[key]} AS key_${key}`,
  );
}

const mergedSql = ({ column, merged }: QoeAggregate): string => `${merged} AS ${column}`;
const momentSql = (ms: number): string => `fromUnixTimestamp64Milli(${ms}, 'UTC')`;
const hourSql = (hour: Date): string => `toDateTime(${hour.getTime() / 1000}, 'UTC')`;
