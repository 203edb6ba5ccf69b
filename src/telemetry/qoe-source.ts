import type { Database } from './database.ts';
import { qoeAggregates } from './qoe-aggregates.ts';
import type { RewardClips } from './view-components.ts';

/** What views can be grouped by. */
export const QOE_KEYS = ['region', 'device', 'connection', 'arm', 'assetId', 'hour'] as const;
export type QoeKey = (typeof QOE_KEYS)[number];

const KEY_SQL: Record<QoeKey, string> = {
  region: 'region',
  device: 'device',
  connection: 'connection',
  arm: 'arm',
  assetId: 'asset_id',
  hour: "formatDateTime(toStartOfHour(view_at), '%Y-%m-%dT%H:00:00Z')",
};

/** Views that began in [from, to), of one asset where it is given. */
export type QoeScope = { from: Date; to: Date; assetId?: string };

/** SQL of rows `key_KEY…` and one column per aggregate, one row per group, and what fills its placeholders. */
export async function qoeSourceSql(
  _database: Pick<Database, 'query'>,
  scope: QoeScope,
  groupBy: readonly QoeKey[],
  clips: RewardClips,
): Promise<{ sql: string; params: Record<string, unknown> }> {
  const keys = groupBy.map((key) => `${KEY_SQL[key]} AS key_${key}`);
  const aggregates = qoeAggregates(clips).map(({ column, fromViews }) => `${fromViews} AS ${column}`);
  return {
    sql: `SELECT ${[...keys, ...aggregates].join(', ')} FROM scored_views
      WHERE view_at >= {from:DateTime64(3)} AND view_at < {to:DateTime64(3)}
      ${scope.assetId === undefined ? '' : 'AND asset_id = {assetId:String}'}
      ${groupBy.length === 0 ? '' : `GROUP BY ${groupBy.map((key) => `key_${key}`).join(', ')}`}`,
    params: {
      from: within(scope.from),
      to: within(scope.to),
      ...(scope.assetId === undefined ? {} : { assetId: scope.assetId }),
    },
  };
}

/** Nothing began before 1970, and hours after 2105 are none to the database. */
const [EARLIEST_MS, LATEST_MS] = [0, Date.UTC(2105)];
const within = (at: Date): Date => new Date(Math.min(Math.max(at.getTime(), EARLIEST_MS), LATEST_MS));
