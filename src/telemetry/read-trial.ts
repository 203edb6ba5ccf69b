import type { Context, RewardWeights } from '../domain/index.ts';
import type { Database } from './database.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';
import { componentSql, rewardSql, SCORABLE_SQL } from './view-components.ts';

/** Views of one address block that weigh fully per (cell, config, day), as in the learner's statistics. */
const BLOCK_CAP = 30;
const TIMEOUT_MS = 60_000;

/** Sums over the views of one side of a trial, in one context, at one share: there, sides were drawn by chance alone. */
export type TrialGroup = {
  context: Context;
  candidate: boolean;
  /** The candidate's share of views when these were decided. */
  candidateShare: number;
  /** Σ1, Σr, Σr², Σx, Σx², Σxr over scored views: r reward in points, x the throughput known before, as a logarithm. */
  moments: [n: number, r: number, rr: number, x: number, xx: number, xr: number];
  /** Σs, Σt, Σs², Σst, Σt² over scored views: s stalled, t stalled and played, in seconds. */
  stall: [s: number, t: number, ss: number, st: number, tt: number];
  /** Views decided, those of them heard of, and those of these that failed to start. */
  decided: number;
  heard: number;
  failedToStart: number;
};

type Row = Omit<TrialGroup, 'context'> & Context;

/**
 * Both sides of a trial: every view that was decided while it had a share, by the config that decided it, whatever was eligible:
 * what is eligible may depend on the side. Pinned views stay out. Throws DatabaseError.
 */
export async function readTrial(
  database: Pick<Database, 'query'>,
  trial: { configVersion: number; since: Date; reward: RewardWeights; viewTimeoutMs: number; blockCap?: number },
): Promise<TrialGroup[]> {
  const params = {
    version: trial.configVersion,
    timeoutSeconds: trial.viewTimeoutMs / 1000,
    cap: trial.blockCap ?? BLOCK_CAP,
  };
  const rows = await database.query<Row>(trialSql(trial), params, TIMEOUT_MS);
  return rows.map(({ region, device, connection, candidate, ...sums }) => ({
    context: { region, device, connection },
    candidate: Boolean(candidate),
    ...sums,
  }));
}

const SECONDS = { s: 'stalled_ms / 1000', t: '(stalled_ms + played_ms) / 1000' };

function trialSql({ since, reward }: { since: Date; reward: RewardWeights }): string {
  const [r, x] = [rewardSql(reward), componentSql(reward).throughput];
  const { s, t } = SECONDS;
  const sums = (terms: readonly string[]): string =>
    `[${terms.map((term) => `sumIf(weight * (${term}), scored)`).join(', ')}]`;
  return `
SELECT region, device, connection, candidate, candidateShare,
  ${sums(['1', r, `(${r}) * (${r})`, x, `(${x}) * (${x})`, `(${x}) * (${r})`])} AS moments,
  ${sums([s, t, `(${s}) * (${s})`, `(${s}) * (${t})`, `(${t}) * (${t})`])} AS stall,
  sum(weight) AS decided,
  sumIf(weight, is_heard) AS heard,
  sumIf(weight, class = 'failedToStart') AS failedToStart
FROM (
  SELECT *, config_version = {version:UInt32} AS candidate,
    round(if(candidate, config_share, 1 - config_share), 6) AS candidateShare,
    (ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64})
      AND ${SCORABLE_SQL} AND NOT implausible AS scored,
    if(block = '', 1., least(1., {cap:UInt32} / count() OVER (
      PARTITION BY block, region, device, connection, config_version, toDate(view_at)))) AS weight
  FROM (${scoredViewsSelect({ decidedSince: since })}) AS views
  INNER JOIN (
    SELECT view_id, argMin(decisions.config_share, decided_at) AS config_share FROM decisions
    WHERE decided_at >= ${timeSql(since)} AND trial_version = {version:UInt32} GROUP BY view_id
  ) AS trial USING (view_id)
  WHERE reason != 'pin'
)
GROUP BY region, device, connection, candidate, candidateShare
ORDER BY region, device, connection, candidateShare, candidate`;
}
