import type { RewardWeights } from '../domain/index.ts';
import type { Database } from './database.ts';
import { type Metric, meanOfRatio, quantileOf, STARTUP_GRID } from './qoe-intervals.ts';
import { rewardSql, SCORABLE_SQL } from './view-components.ts';

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

/** Metrics that are Σ numerator ÷ Σ denominator over the views where `of` holds. */
const RATIOS = {
  stallRatio: { numerator: 'stalled_ms', denominator: 'played_ms + stalled_ms', of: "class = 'started'" },
  ctaStalledTimeRatio: {
    numerator: 'stalled_ms',
    denominator: 'ifNull(startup_ms, 0) + played_ms + stalled_ms',
    of: "class = 'started'",
  },
  seenQuality: { numerator: 'quality_ms', denominator: 'known_rung_ms', of: SCORABLE_SQL },
  bitrateKbps: {
    numerator: 'delivered_kbit * 1000',
    denominator: 'played_ms',
    of: "class = 'started' AND played_ms > 0",
  },
  bytesPerView: { numerator: 'delivered_kbit * 125', denominator: '1', of: "class = 'started'" },
  startupMsMean: {
    numerator: 'ifNull(startup_ms, 0)',
    denominator: '1',
    of: "class = 'started' AND isNotNull(startup_ms)",
  },
  startFailureRatio: { numerator: "class = 'failedToStart'", denominator: '1', of: 'is_heard' },
  exitBeforeStartRatio: { numerator: "class = 'leftBeforeStart'", denominator: '1', of: 'is_heard' },
} as const;

const CLASSES = ['started', 'failedToStart', 'leftBeforeStart', 'unobserved'] as const;

/** One group of `/v1/qoe`: its keys, how many views there were, how they fared, and the metrics with 95 % intervals. */
export type QoeGroup = Partial<Record<QoeKey, string>> & { views: number } & Record<
    (typeof CLASSES)[number],
    number
  > & {
    metrics: Record<string, Metric>;
  };

export type QoeQuery = { from: Date; to: Date; groupBy: readonly QoeKey[]; assetId?: string };

/** Quality of experience over views that began in [from, to). Throws DatabaseError. */
export async function readQoe(
  database: Pick<Database, 'query'>,
  query: QoeQuery,
  reward: RewardWeights,
): Promise<QoeGroup[]> {
  const ratios = { ...RATIOS, reward: { numerator: rewardSql(reward), denominator: '1', of: SCORABLE_SQL } };
  const names = Object.keys(ratios) as (keyof typeof ratios)[];
  const moments = names.map((name) => {
    const { numerator: x, denominator: y, of } = ratios[name];
    const sum = (term: string) => `toFloat64(sumIf(${term}, ${of}))`;
    return `[toFloat64(countIf(${of})), ${sum(x)}, ${sum(y)}, ${sum(`(${x}) * (${x})`)}, ${sum(`(${y}) * (${y})`)}, ${sum(`(${x}) * (${y})`)}] AS m_${name}`;
  });
  const rows = await database.query<Record<string, unknown>>(
    `SELECT ${[
      ...query.groupBy.map((key) => `${KEY_SQL[key]} AS key_${key}`),
      'count() AS views',
      ...CLASSES.map((name) => `countIf(class = '${name}') AS n_${name}`),
      ...moments,
      `quantilesTDigestIf(${STARTUP_GRID.join(', ')})(assumeNotNull(startup_ms), class = 'started' AND isNotNull(startup_ms)) AS startup_grid`,
    ].join(', ')}
     FROM scored_views
     WHERE view_at >= {from:DateTime64(3)} AND view_at < {to:DateTime64(3)} ${query.assetId === undefined ? '' : 'AND asset_id = {assetId:String}'}
     ${query.groupBy.length > 0 ? `GROUP BY ${query.groupBy.map((key) => `key_${key}`).join(', ')} ORDER BY ${query.groupBy.map((key) => `key_${key}`).join(', ')}` : ''}`,
    { from: query.from, to: query.to, ...(query.assetId === undefined ? {} : { assetId: query.assetId }) },
  );
  return rows.map((row) => toGroup(row, query.groupBy, names));
}

function toGroup(row: Record<string, unknown>, groupBy: readonly QoeKey[], names: readonly string[]): QoeGroup {
  const number = (name: string) => Number(row[name]);
  const metrics = Object.fromEntries(names.map((name) => [name, meanOfRatio(row[`m_${name}`] as number[])]));
  const startups = metrics.startupMsMean?.n ?? 0;
  const grid = row.startup_grid as number[];
  return {
    ...Object.fromEntries(groupBy.map((key) => [key, String(row[`key_${key}`])])),
    views: number('views'),
    started: number('n_started'),
    failedToStart: number('n_failedToStart'),
    leftBeforeStart: number('n_leftBeforeStart'),
    unobserved: number('n_unobserved'),
    metrics: {
      ...metrics,
      startupMsP50: quantileOf(grid, 0.5, startups),
      startupMsP95: quantileOf(grid, 0.95, startups),
    },
  };
}
