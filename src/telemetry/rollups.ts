import type { Database } from './database.ts';
import { qoeAggregates, qoeFingerprint, ROLLUP_KEYS, ROLLUP_SETS } from './qoe-aggregates.ts';
import { collectBuilds } from './rollups-collect.ts';
import { coverMarks, type DirtyHour, readDirty } from './rollups-dirty.ts';
import { scoredViewsSelect } from './schema/scored-views.ts';
import type { RewardClips } from './view-components.ts';

/*
 * A build of some hours: read their marks → INSERT … SELECT under a new number → register the build → cover the marks. Until it
 * is registered nobody reads its rows, so a kill at any moment leaves the former build in force and the hours dirty. Nothing is
 * summed at insert time, and a group that no longer exists is simply not in the newer build.
 */

/** Views rolled up by one statement, more only where a single hour has more: sums of a group take a few kB. */
const VIEWS_AT_ONCE = 100_000;
/** Beyond this, groups are kept on the server's disk meanwhile. */
const SPILL_BYTES = 400_000_000;
const LIMIT_HOURS = 48;
const TIMEOUT_MS = 30_000;

const NEWEST_BUILDS = `
SELECT * EXCEPT (build) FROM hour_rollups
WHERE (hour, build) IN (SELECT hour, max(build) FROM rollup_builds GROUP BY hour)`;

/** Rows of the newest build of each hour: `hour`, ROLLUP_KEYS and a column per aggregate. */
export const ROLLUPS_SELECT = `${NEWEST_BUILDS} AND NOT over_assets`;

/** The same over all assets: `asset_id` is empty. Few rows however many assets there are; erasure of what is expired does not reach them. */
export const ROLLUPS_OVER_ASSETS_SELECT = `${NEWEST_BUILDS} AND over_assets`;

export type RebuildOptions = {
  clips: RewardClips;
  /** Newest dirty hours first; the others wait for the next call. */
  limitHours?: number;
  /** Of these hours only. */
  hours?: readonly Date[];
};

/** Brings roll-ups of dirty hours up to date; two at once are safe, and wasteful. Throws DatabaseError. */
export async function rebuildRollups(
  database: Pick<Database, 'query' | 'command' | 'insertRows'>,
  options: RebuildOptions,
): Promise<{ built: Date[]; remaining: number }> {
  const { clips, limitHours = LIMIT_HOURS } = options;
  const asked = options.hours && new Set(options.hours.map((hour) => hour.getTime()));
  const dirty = (await readDirty(database, clips)).filter(({ hour }) => asked?.has(hour.getTime()) ?? true);
  await coverMarks(
    database,
    dirty.filter(({ expired }) => expired),
  );
  const buildable = dirty.filter(({ expired }) => !expired);
  const now = buildable.slice(0, limitHours);
  for (const batch of await inBatches(database, now)) await build(database, batch, clips);
  await collectBuilds(database);
  return { built: now.map(({ hour }) => hour), remaining: buildable.length - now.length };
}

async function build(
  database: Pick<Database, 'query' | 'command' | 'insertRows'>,
  batch: readonly DirtyHour[],
  clips: RewardClips,
): Promise<void> {
  const hours = batch.map(({ hour }) => hour);
  const { number, previous } = await nextBuild(database, hours);
  const aggregates = qoeAggregates(clips);
  await database.command(
    `INSERT INTO hour_rollups (hour, build, ${ROLLUP_KEYS.join(', ')}, ${aggregates.map(({ column }) => column).join(', ')})
     SELECT toStartOfHour(view_at) AS hour, toUInt64(${number}) AS build, ${ROLLUP_KEYS.join(', ')},
       ${aggregates.map(({ column, fromViews }) => `${fromViews} AS ${column}`).join(',\n       ')}
     FROM (${scoredViewsSelect({ hours })})
     GROUP BY GROUPING SETS (${ROLLUP_SETS.map((keys) => `(hour, ${keys.join(', ')})`).join(', ')})
     SETTINGS max_bytes_before_external_group_by = ${SPILL_BYTES}`,
    {},
    `roll-up ${number}`,
  );
  const definition = qoeFingerprint(clips);
  await database.insertRows(
    'rollup_builds',
    hours.map((hour) => ({
      hour: secondsOf(hour),
      build: number,
      previous: previous.get(secondsOf(hour)) ?? '0',
      definition,
    })),
  );
  await coverMarks(database, batch);
}

/** A number above every registered one, and what was registered for each hour: numbers are 64 bits wide, so they are text. */
async function nextBuild(
  database: Pick<Database, 'query'>,
  hours: readonly Date[],
): Promise<{ number: string; previous: Map<number, string> }> {
  const params = { hours: hours.map(secondsOf) };
  const rows = await database.query<{ second: number; previous: string }>(
    `SELECT toUnixTimestamp(hour) AS second, toString(max(build)) AS previous FROM rollup_builds
     WHERE toUnixTimestamp(hour) IN {hours:Array(UInt32)} GROUP BY hour`,
    params,
  );
  // Time orders builds, chance keeps two that begin in the same microsecond apart.
  const [next] = await database.query<{ number: string }>(
    `SELECT toString(greatest(toUInt64(toUnixTimestamp64Micro(now64(6))) * 1000 + rand() % 1000,
       (SELECT max(build) FROM rollup_builds WHERE toUnixTimestamp(hour) IN {hours:Array(UInt32)}) + 1)) AS number`,
    params,
  );
  return {
    number: next?.number ?? '1',
    previous: new Map(rows.map(({ second, previous }) => [second, previous])),
  };
}

/** Hours in groups of about VIEWS_AT_ONCE views. */
async function inBatches(database: Pick<Database, 'query'>, dirty: readonly DirtyHour[]): Promise<DirtyHour[][]> {
  if (dirty.length < 2) return dirty.length === 0 ? [] : [[...dirty]];
  const rows = await database.query<{ second: number; views: number }>(
    `SELECT toUnixTimestamp(hour) AS second, count() AS views
     FROM (SELECT toStartOfHour(decided_at) AS hour FROM decisions UNION ALL SELECT toStartOfHour(first_received_at) FROM view_outcomes)
     WHERE second IN {hours:Array(UInt32)} GROUP BY hour`,
    { hours: dirty.map(({ hour }) => secondsOf(hour)) },
    TIMEOUT_MS,
  );
  const viewsOf = new Map(rows.map(({ second, views }) => [second, views]));
  const batches: DirtyHour[][] = [];
  let views = Number.POSITIVE_INFINITY;
  for (const each of dirty) {
    const more = viewsOf.get(secondsOf(each.hour)) ?? 0;
    if (views + more > VIEWS_AT_ONCE) {
      batches.push([]);
      views = 0;
    }
    batches.at(-1)?.push(each);
    views += more;
  }
  return batches;
}

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000);
