import type { Database } from './database.ts';

/** Superseded builds stay this long, for queries that had begun to read them. */
const GRACE_SECONDS = 600;
/** A deletion is worth its while from here on. */
const WORTHWHILE_BUILDS = 100;
/** Superseded builds removed at once; the others wait for the next call. */
const BUILDS_AT_ONCE = 2_000;
const TIMEOUT_MS = 30_000;

type Superseded = { second: number; build: string };

// Builds between `seen` and the newest tell that two were made at once; they stay until that is mended.
const SUPERSEDED_SQL = `
WITH
  newest AS (
    SELECT hour, max(build) AS number, argMax(previous, build) AS seen, argMax(built_at, build) AS since
    FROM rollup_builds GROUP BY hour
    HAVING since <= now() - {grace:UInt32} AND (empty({hours:Array(UInt32)}) OR has({hours:Array(UInt32)}, toUnixTimestamp(hour)))
  ),
  known AS (
    SELECT hour, build FROM rollup_builds
    WHERE hour IN (SELECT hour FROM rollup_builds GROUP BY hour HAVING count() > 1)
  ),
  built AS (
    SELECT hour, build FROM known
    UNION DISTINCT
    SELECT hour, build FROM hour_rollups WHERE hour IN (SELECT hour FROM known)
  )
SELECT toUnixTimestamp(built.hour) AS second, toString(built.build) AS build
FROM built INNER JOIN newest ON built.hour = newest.hour
WHERE built.build <= newest.seen
LIMIT ${BUILDS_AT_ONCE}`;

/**
 * Removes builds that a newer one has taken the place of, when there are many or of the `hours` that must not wait. What a killed
 * build left goes with them. Throws DatabaseError.
 */
export async function collectBuilds(
  database: Pick<Database, 'query' | 'command'>,
  hours: readonly Date[] = [],
): Promise<number> {
  const atOnce = hours.length > 0;
  const params = {
    grace: atOnce ? 0 : GRACE_SECONDS,
    hours: hours.map((hour) => Math.floor(hour.getTime() / 1000)),
  };
  const superseded = await database.query<Superseded>(SUPERSEDED_SQL, params, TIMEOUT_MS);
  if (superseded.length === 0 || (superseded.length < WORTHWHILE_BUILDS && !atOnce)) return 0;
  const list = superseded.map(({ second, build }) => `(toDateTime(${second}, 'UTC'), ${build})`).join(', ');
  for (const table of ['hour_rollups', 'rollup_builds']) {
    await database.command(`DELETE FROM ${table} WHERE (hour, build) IN (${list}) SETTINGS mutations_sync = 2`);
  }
  return superseded.length;
}
