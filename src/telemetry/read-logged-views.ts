import type { Context, RewardWeights } from '../domain/index.ts';
import type { Database } from './database.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';
import { rewardSql, SCORABLE_SQL } from './view-components.ts';

/** More would make the estimate better by little and the query and its answer longer by much: some 10 MB. */
const MAX_VIEWS = 20_000;
const TIMEOUT_MS = 60_000;

/** A view decided at random, with its reward in points and everything that it could have been given. */
export type LoggedDecision = {
  context: Context;
  arm: string;
  setHash: string;
  propensity: number;
  reward: number;
  eligible: { arm: string; propensity: number; setHash: string }[];
};

type Row = Omit<LoggedDecision, 'context' | 'eligible'> &
  Context & { arms: string[]; propensities: number[]; sets: string[] };

/** The newest scored views that were decided since then by other configs than this one, pinned ones left out. Throws DatabaseError. */
export async function readLoggedViews(
  database: Pick<Database, 'query'>,
  asked: { since: Date; exceptConfig: number; reward: RewardWeights; viewTimeoutMs: number; maxViews?: number },
): Promise<LoggedDecision[]> {
  const params = {
    version: asked.exceptConfig,
    timeoutSeconds: asked.viewTimeoutMs / 1000,
    limit: asked.maxViews ?? MAX_VIEWS,
  };
  const rows = await database.query<Row>(loggedSql(asked), params, TIMEOUT_MS);
  return rows.map(({ region, device, connection, arms, propensities, sets, ...view }) => ({
    context: { region, device, connection },
    ...view,
    eligible: arms.map((arm, index) => ({
      arm,
      propensity: propensities[index] ?? 0,
      setHash: sets[index] ?? '',
    })),
  }));
}

function loggedSql({ since, reward }: { since: Date; reward: RewardWeights }): string {
  return `
SELECT region, device, connection, arm, set_hash AS setHash, propensity, ${rewardSql(reward)} AS reward,
  logged.eligible_arms AS arms, logged.eligible_propensities AS propensities, logged.eligible_sets AS sets
FROM (${scoredViewsSelect({ decidedSince: since })}) AS views
INNER JOIN (
  SELECT view_id, eligible_arms, eligible_propensities, eligible_sets FROM decisions
  WHERE decided_at >= ${timeSql(since)} ORDER BY decided_at LIMIT 1 BY view_id
) AS logged USING (view_id)
WHERE reason != 'pin' AND config_version != {version:UInt32} AND propensity > 0
  AND (ended OR greatest(last_received_at, view_at) < now64(3) - {timeoutSeconds:Float64})
  AND ${SCORABLE_SQL} AND NOT implausible
ORDER BY view_at DESC LIMIT {limit:UInt32}`;
}
