import { STATISTICS_BUCKETS } from '../domain/index.ts';
import type { Database } from './database.ts';
import { ELIGIBLE_SET_SQL } from './schema/scored-views.ts';
import { timeSql } from './schema/view-scope.ts';

/** How finely statistics are kept apart beside context and arm. */
export type Detail = {
  allocations: boolean;
  eligibleSets: boolean;
  ages: 'days' | 'weeks' | 'months';
  buckets: number;
};

/** Rows of statistics that a refit reads at ease: some 40 MB of numbers. */
const MAX_ROWS = 50_000;
const TIMEOUT_MS = 60_000;
/** Days younger than this stay apart while only weeks are merged: most of what a refit learns is new. */
const RECENT_DAYS = 7;
const MONTH_DAYS = 30;

const MERGED = { allocations: false, eligibleSets: false };
/**
 * From the finest on; what the model misses least is merged first. Buckets go last: with fewer, each holds more address blocks, and
 * one that lies is harder to tell. The last bounds the rows by contexts × arms × 4.
 */
const LEVELS: readonly Detail[] = [
  { allocations: true, eligibleSets: true, ages: 'days', buckets: STATISTICS_BUCKETS },
  { allocations: false, eligibleSets: true, ages: 'days', buckets: STATISTICS_BUCKETS },
  { ...MERGED, ages: 'days', buckets: STATISTICS_BUCKETS },
  { ...MERGED, ages: 'weeks', buckets: STATISTICS_BUCKETS },
  { ...MERGED, ages: 'months', buckets: STATISTICS_BUCKETS },
  { ...MERGED, ages: 'months', buckets: STATISTICS_BUCKETS / 4 },
  { ...MERGED, ages: 'weeks', buckets: STATISTICS_BUCKETS / 16 },
  { ...MERGED, ages: 'months', buckets: STATISTICS_BUCKETS / 16 },
  { ...MERGED, ages: 'weeks', buckets: 1 },
  { ...MERGED, ages: 'months', buckets: 1 },
];

/** The keys of a view as SQL over `scored_views`, or over `decisions` with their own names for when, and what was eligible. */
export function keysSql(detail: Detail, at = 'view_at', eligibleSet = 'eligible_set'): Record<string, string> {
  const age = `toUInt32(greatest(0, dateDiff('day', toDate(${at}), today())))`;
  const ages = {
    days: age,
    weeks: `if(${age} < ${RECENT_DAYS}, ${age}, intDiv(${age}, 7) * 7 + 3)`,
    months: `if(${age} < ${RECENT_DAYS}, ${(RECENT_DAYS - 1) / 2}, intDiv(${age}, ${MONTH_DAYS}) * ${MONTH_DAYS} + ${MONTH_DAYS / 2})`,
  };
  return {
    allocationVersion: detail.allocations ? 'allocation_version' : '0',
    eligibleSet: detail.eligibleSets ? eligibleSet : "''",
    ageDays: ages[detail.ages],
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
