import { STATISTICS_BUCKETS } from '../domain/index.ts';
import type { Database } from './database.ts';
import { ELIGIBLE_SET_SQL } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';

/** How finely statistics are kept apart beside context and arm. */
export type Detail = { allocations: boolean; eligibleSets: boolean; days: boolean; buckets: number };

/** Rows of statistics that a refit reads at ease: some 20 MB of numbers. */
const MAX_ROWS = 25_000;
const TIMEOUT_MS = 60_000;
/** Days younger than this stay apart: most of what a refit learns is new. */
const RECENT_DAYS = 7;

/** From the finest on; what the model misses least is merged first. The last bounds the rows by contexts × arms × 19. */
const LEVELS: readonly Detail[] = [
  { allocations: true, eligibleSets: true, days: true, buckets: STATISTICS_BUCKETS },
  { allocations: false, eligibleSets: true, days: true, buckets: STATISTICS_BUCKETS },
  { allocations: false, eligibleSets: false, days: true, buckets: STATISTICS_BUCKETS },
  { allocations: false, eligibleSets: false, days: false, buckets: STATISTICS_BUCKETS },
  { allocations: false, eligibleSets: false, days: false, buckets: STATISTICS_BUCKETS / 4 },
  { allocations: false, eligibleSets: false, days: false, buckets: 1 },
];

/** The keys of a view as SQL over `scored_views`, or over `decisions` with their own names for when, and what was eligible. */
export function keysSql(detail: Detail, at = 'view_at', eligibleSet = 'eligible_set'): Record<string, string> {
  const age = `toUInt32(greatest(0, dateDiff('day', toDate(${at}), today())))`;
  const week = `intDiv(${age}, 7) * 7 + 3`;
  return {
    allocationVersion: detail.allocations ? 'allocation_version' : '0',
    eligibleSet: detail.eligibleSets ? eligibleSet : "''",
    ageDays: detail.days ? age : `if(${age} < ${RECENT_DAYS}, ${age}, ${week})`,
    bucket: `if(block = '', cityHash64(view_id), cityHash64(block)) % ${detail.buckets}`,
  };
}

/** The finest detail that randomised decisions since then fall into few enough groups by. Throws DatabaseError. */
export async function chooseDetail(
  database: Pick<Database, 'query'>,
  since: Date,
  maxRows = MAX_ROWS,
): Promise<Detail> {
  const counts = LEVELS.map((detail) => {
    const keys = Object.values(keysSql(detail, 'decided_at', ELIGIBLE_SET_SQL));
    return `uniq(region, device, connection, arm, ${keys.join(', ')})`;
  });
  const [row] = await database.query<{ groups: number[] }>(
    `SELECT [${counts.join(', ')}] AS groups FROM decisions
     WHERE decided_at >= ${timeSql(since)} AND reason != 'pin' AND length(arrayDistinct(eligible_sets)) > 1`,
    {},
    TIMEOUT_MS,
  );
  const level = row?.groups.findIndex((groups) => groups <= maxRows) ?? 0;
  return LEVELS.at(level) as Detail;
}
