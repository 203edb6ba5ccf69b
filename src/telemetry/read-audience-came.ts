import type { Context } from '../domain/index.ts';
import type { Database } from './database.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';

type Cell = Pick<Context, 'region' | 'device'>;

/** Who was expected to watch an asset when it was planned, and who came in the four weeks from then. */
export type AudienceCame = {
  assetId: string;
  owner: string;
  level: string;
  predicted: (Cell & { share: number })[];
  came: (Cell & { views: number })[];
  predictedWatchSeconds: number | null;
  cameWatchSeconds: number;
  /** Four weeks are over since it was planned: all that was predicted should have come. */
  isWhole: boolean;
};

/** What a prediction is about. */
const HORIZON_DAYS = 28;
/** The most watched say most about shares. */
const MAX_ASSETS = 2_000;
const TIMEOUT_MS = 60_000;

type Row = {
  assetId: string;
  owner: string;
  level: string;
  regions: string[];
  devices: Context['device'][];
  shares: number[];
  predictedWatchSeconds: number | null;
  isWhole: number | boolean;
  cameRegions: string[];
  cameDevices: Context['device'][];
  cameViews: number[];
  cameSeconds: number;
};

/** Assets planned since `from` with at least so many views. Throws DatabaseError. */
export async function readAudienceCame(
  database: Pick<Database, 'query'>,
  { from, to, minViews }: { from: Date; to: Date; minViews: number },
): Promise<AudienceCame[]> {
  const rows = await database.query<Row>(
    `SELECT plans.asset_id AS assetId, came.owner AS owner, audience_level AS level, regions, devices, shares,
       watch_seconds AS predictedWatchSeconds, planned_at < now() - INTERVAL ${HORIZON_DAYS} DAY AS isWhole,
       cameRegions, cameDevices, cameViews, cameSeconds
     FROM (SELECT * FROM encode_plans FINAL WHERE planned_at >= ${timeSql(from)} AND planned_at < ${timeSql(to)}) AS plans
     INNER JOIN (
       SELECT asset_id, any(owner) AS owner, groupArray(region) AS cameRegions, groupArray(device) AS cameDevices,
         groupArray(n) AS cameViews, sum(seconds) AS cameSeconds, sum(n) AS allViews
       FROM (
         SELECT views.asset_id AS asset_id, any(views.owner) AS owner, views.region AS region, views.device AS device,
           count() AS n, sum(played_ms) / 1000 AS seconds
         FROM (${scoredViewsSelect({ decidedSince: from })}) AS views
         INNER JOIN (SELECT asset_id, planned_at FROM encode_plans FINAL) AS planned ON views.asset_id = planned.asset_id
         WHERE class = 'started' AND NOT implausible AND view_at < planned_at + INTERVAL ${HORIZON_DAYS} DAY
         GROUP BY asset_id, region, device
       )
       GROUP BY asset_id
       HAVING allViews >= {minViews:UInt32}
       ORDER BY allViews DESC, asset_id
       LIMIT ${MAX_ASSETS}
     ) AS came ON plans.asset_id = came.asset_id
     ORDER BY assetId`,
    { minViews },
    TIMEOUT_MS,
  );
  return rows.map((row) => ({
    assetId: row.assetId,
    owner: row.owner,
    level: row.level,
    predicted: row.shares.map((share, index) => ({ ...cellAt(row.regions, row.devices, index), share })),
    came: row.cameViews.map((views, index) => ({ ...cellAt(row.cameRegions, row.cameDevices, index), views })),
    predictedWatchSeconds: row.predictedWatchSeconds,
    cameWatchSeconds: row.cameSeconds,
    isWhole: Boolean(row.isWhole),
  }));
}

function cellAt(regions: readonly string[], devices: readonly Context['device'][], index: number): Cell {
  return { region: regions[index] ?? 'ZZ', device: devices[index] ?? 'unknown' };
}
