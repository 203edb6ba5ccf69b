import { z } from 'zod';
import type { Database } from './database.ts';
import { timeSql } from './schema/view-scope.ts';

const TIMEOUT_MS = 60_000;
const HORIZON_DAYS = 90;
const DAY_MS = 86_400_000;

const allotmentSchema = z.object({ arm: z.string(), observed: z.number(), expected: z.number(), variance: z.number() });

/**
 * How often each arm was given in randomised decisions of the last 90 days, beside the sums that its logged propensities make. Pinned
 * views, and views whose asset offered one single treatment, were not randomised. Throws DatabaseError.
 */
export async function readAllotments(
  database: Pick<Database, 'query'>,
  nowMs = Date.now(),
): Promise<z.infer<typeof allotmentSchema>[]> {
  const since = timeSql(new Date(nowMs - HORIZON_DAYS * DAY_MS));
  const rows = await database.query(
    `SELECT possible AS arm, toFloat64(countIf(decisions.arm = possible)) AS observed,
       sum(propensity_of) AS expected, sum(propensity_of * (1 - propensity_of)) AS variance
     FROM decisions ARRAY JOIN eligible_arms AS possible, eligible_propensities AS propensity_of
     WHERE decided_at >= ${since} AND reason != 'pin' AND length(arrayDistinct(eligible_sets)) > 1
     GROUP BY possible ORDER BY possible`,
    {},
    TIMEOUT_MS,
  );
  return z.array(allotmentSchema).parse(rows);
}
