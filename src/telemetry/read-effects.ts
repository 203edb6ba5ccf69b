import type { RewardWeights } from '../domain/index.ts';
import type { Database } from './database.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';
import { rewardSql, SCORABLE_SQL } from './view-components.ts';

/** Figures that effects are told in. */
const METRICS = ['reward', 'stallRatio', 'seenQuality', 'bitrateKbps'] as const;
type EffectMetric = (typeof METRICS)[number];

/** Sums over the scored views of one asset on one side, each view or asset counting 1 ÷ the probability of its side. */
type UnitSums = {
  /** What was encoded once: duplicates are one with their original. */
  unit: string;
  owner: string;
  treated: boolean;
  views: number;
  /** Σ of weights. */
  weight: number;
  sums: Record<EffectMetric, [numerator: number, denominator: number]>;
};

type Range = { from: Date; to: Date };
type Asked = Range & { reward: RewardWeights; viewTimeoutMs: number };
type Row = { unit: string; owner: string; treated: number | boolean; views: number; weight: number; sums: number[] };

const TIMEOUT_MS = 60_000;
/** More are too many for one answer: the report then covers those with most views. */
const MAX_UNITS = 100_000;

/**
 * Held-out assets against those with the learned plan: randomised by asset, so the effect of encoding. Assets planned while their
 * audience was cold are left out: nothing had been learned for them. Throws DatabaseError.
 */
export function readEncodeTrial(database: Pick<Database, 'query'>, asked: Asked): Promise<UnitSums[]> {
  return readUnits(
    database,
    asked,
    `SELECT views.*, plans.unit_id AS unit, plans.encode_group = 'learned' AS treated, 1 / plans.propensity AS w
     FROM (${scoredSql(asked)}) AS views
     INNER JOIN (
       SELECT asset_id, unit_id, encode_group, propensity FROM encode_plans FINAL
       WHERE encode_group IN ('holdout', 'learned') AND NOT cold AND propensity > 0
     ) AS plans ON views.asset_id = plans.asset_id`,
  );
}

/**
 * Views of panel assets that were given another ladder than the baseline's against those given the baseline's: randomised by view, so
 * the effect of what is offered, whatever was encoded. Throws DatabaseError.
 */
export function readPlayTrial(
  database: Pick<Database, 'query'>,
  { baselineArm, ...asked }: Asked & { baselineArm: string },
): Promise<UnitSums[]> {
  return readUnits(
    database,
    asked,
    `SELECT views.*, views.asset_id AS unit, set_hash != offered.baseline_set AS treated,
       1 / if(treated, 1 - offered.baseline_p, offered.baseline_p) AS w
     FROM (${scoredSql(asked)}) AS views
     INNER JOIN (
       SELECT view_id, eligible_sets[indexOf(eligible_arms, {baseline:String})] AS baseline_set,
         arraySum((p, s) -> if(s = baseline_set, p, 0), eligible_propensities, eligible_sets) AS baseline_p
       FROM decisions WHERE decided_at >= ${timeSql(asked.from)} AND lift_panel AND reason != 'pin'
       ORDER BY view_id, decided_at LIMIT 1 BY view_id
     ) AS offered ON views.view_id = offered.view_id
     WHERE baseline_p > 1e-6 AND baseline_p < 1 - 1e-6`,
    { baseline: baselineArm },
  );
}

function scoredSql({ from, to }: Range): string {
  return `SELECT * FROM (${scoredViewsSelect({ decidedSince: from })})
    WHERE is_decided AND reason != 'pin' AND ${SCORABLE_SQL} AND NOT implausible AND view_at < ${timeSql(to)}
      AND (ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64})`;
}

async function readUnits(
  database: Pick<Database, 'query'>,
  { reward, viewTimeoutMs }: Asked,
  viewsSql: string,
  params: Record<string, unknown> = {},
): Promise<UnitSums[]> {
  const parts: Record<EffectMetric, [string, string]> = {
    reward: [rewardSql(reward), '1'],
    stallRatio: ['stalled_ms', 'played_ms + stalled_ms'],
    seenQuality: ['quality_ms', 'known_rung_ms'],
    bitrateKbps: ['delivered_kbit * 1000', 'played_ms'],
  };
  const sums = METRICS.flatMap((name) => parts[name].map((term) => `sum(w * (${term}))`));
  const rows = await database.query<Row>(
    `SELECT unit, any(owner) AS owner, treated, count() AS views, sum(w) AS weight, [${sums.join(', ')}] AS sums
     FROM (${viewsSql}) GROUP BY unit, treated ORDER BY views DESC, unit LIMIT ${MAX_UNITS}`,
    { ...params, timeoutSeconds: viewTimeoutMs / 1000 },
    TIMEOUT_MS,
  );
  return rows.map(({ sums: flat, treated, ...row }) => ({
    ...row,
    treated: Boolean(treated),
    sums: Object.fromEntries(
      METRICS.map((name, index) => [name, [flat[2 * index] ?? 0, flat[2 * index + 1] ?? 0]]),
    ) as UnitSums['sums'],
  }));
}

/** Assets planned in a range, by the group that chance put them into. Throws DatabaseError. */
export async function countEncodeGroups(
  database: Pick<Database, 'query'>,
  { from, to }: Range,
): Promise<{ group: string; cold: boolean; assets: number; rungs: number }[]> {
  const rows = await database.query<{ group: string; cold: number | boolean; assets: number; rungs: number }>(
    `SELECT encode_group AS group, cold, count() AS assets, avg(length(rung_kbps)) AS rungs
     FROM (SELECT * FROM encode_plans FINAL WHERE planned_at >= ${timeSql(from)} AND planned_at < ${timeSql(to)})
     GROUP BY group, cold ORDER BY group, cold`,
    {},
    TIMEOUT_MS,
  );
  return rows.map((row) => ({ ...row, cold: Boolean(row.cold) }));
}
