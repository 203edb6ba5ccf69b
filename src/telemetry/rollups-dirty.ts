import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';
import { qoeFingerprint } from './qoe-aggregates.ts';
import { KEPT_DAYS } from './schema/tables.ts';
import type { Segment } from './spool/segment-files.ts';
import type { RewardClips } from './view-components.ts';

/*
 * An hour is dirty when something that may belong to its roll-up was applied after the newest build of the hour had begun.
 * Marks are written after the rows they speak of can be seen and before their segment is forgotten, so a kill at any moment
 * leaves a mark or a segment that is applied again.
 */

/** An hour whose roll-up may lack something, and the marks that a build begun now covers. */
export type DirtyHour = {
  hour: Date;
  marks: readonly string[];
  /** Its views are partly gone by age: what was rolled up of it stands. */
  expired: boolean;
};

const TIMEOUT_MS = 30_000;
/** Rows are written within this of the moment they carry. */
const WRITTEN_WITHIN_SECONDS = 60;
const END_OF_TIME = new Date(0xffff_ffff * 1000);
const NO_MARK = '00000000-0000-0000-0000-000000000000';

/**
 * Marks the hours that views of a segment are in, or were in before it was applied: a late sign may be the first, a decision
 * moves a view that had only been heard of. Last step of applying a segment, after its outcomes; repeatable. Throws DatabaseError.
 */
export async function markDirty(
  database: Pick<Database, 'command'>,
  stream: 'events' | 'decisions',
  segment: Pick<Segment, 'id' | 'writtenAtMs'>,
): Promise<void> {
  const touched = `(SELECT view_id FROM ${stream} WHERE segment = {segment:String} AND view_id != '')`;
  await database.command(
    `INSERT INTO dirty_hours (hour, mark, covered)
     SELECT hour, generateUUIDv4(), 0 FROM (
       SELECT toStartOfHour(decided_at) AS hour FROM decisions WHERE view_id IN ${touched}
       UNION DISTINCT
       SELECT arrayJoin(arrayPushBack(received_hours, toStartOfHour(first_received_at))) AS hour
       FROM view_outcomes WHERE view_id IN ${touched}
       UNION DISTINCT
       SELECT toStartOfHour(toDateTime({at:DateTime64(3, 'UTC')}, 'UTC') + arrayJoin([-${WRITTEN_WITHIN_SECONDS}, ${WRITTEN_WITHIN_SECONDS}])) AS hour
     )`,
    { segment: segment.id, at: toClickHouseTime(segment.writtenAtMs) },
    `mark ${segment.id}`,
  );
}

/** Marks these hours. Throws DatabaseError. */
export async function markHours(database: Pick<Database, 'command'>, hours: readonly Date[]): Promise<void> {
  if (hours.length === 0) return;
  await database.command(
    "INSERT INTO dirty_hours (hour, mark, covered) SELECT toDateTime(arrayJoin({hours:Array(UInt32)}), 'UTC'), generateUUIDv4(), 0",
    { hours: hours.map(secondsOf) },
  );
}

/** Says that a registered build has seen what these marks speak of. Throws DatabaseError. */
export async function coverMarks(database: Pick<Database, 'insertRows'>, hours: readonly DirtyHour[]): Promise<void> {
  const rows = hours.flatMap(({ hour, marks }) => marks.map((mark) => ({ hour: secondsOf(hour), mark, covered: 1 })));
  if (rows.length > 0) await database.insertRows('dirty_hours', rows);
}

/** Hours in [from, to), newest first, that a roll-up must not be trusted about. Throws DatabaseError. */
export async function readDirtyHours(
  database: Pick<Database, 'query'>,
  options: { clips: RewardClips; from?: Date; to?: Date },
): Promise<Date[]> {
  const dirty = await readDirty(database, options.clips, options);
  return dirty.filter(({ expired }) => !expired).map(({ hour }) => hour);
}

/** Dirty hours with their marks, newest first. Throws DatabaseError. */
export async function readDirty(
  database: Pick<Database, 'query'>,
  clips: RewardClips,
  { from = new Date(0), to = END_OF_TIME }: { from?: Date; to?: Date } = {},
): Promise<DirtyHour[]> {
  const rows = await database.query<{ second: number; marks: string[]; expired: number }>(
    DIRTY_SQL,
    { definition: qoeFingerprint(clips), from: secondsOf(from), to: secondsOf(to) },
    TIMEOUT_MS,
  );
  return rows.map(({ second, marks, expired }) => ({ hour: new Date(second * 1000), marks, expired: expired === 1 }));
}

const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000);

/** A day less than decisions and outcomes are kept. */
const EXPIRED = `hour < now() - INTERVAL ${KEPT_DAYS - 1} DAY`;

// Two builds of one hour at the same time: the newer did not know of the other's marks, so neither is believed.
const DIRTY_SQL = `
SELECT toUnixTimestamp(hour) AS second, groupUniqArrayIf(mark, mark != toUUID('${NO_MARK}')) AS marks, ${EXPIRED} AS expired
FROM (
  SELECT hour, mark FROM dirty_hours GROUP BY hour, mark HAVING max(covered) = 0
  UNION ALL
  SELECT hour, toUUID('${NO_MARK}') AS mark
  FROM (
    SELECT hour, max(build) AS newest, argMax(previous, build) AS seen, argMax(definition, build) AS made_by, groupArray(build) AS builds
    FROM rollup_builds GROUP BY hour
  )
  WHERE (made_by != {definition:String} AND NOT (${EXPIRED})) OR arrayExists(other -> other > seen AND other < newest, builds)
  UNION ALL
  SELECT arrayJoin(unfinished) AS hour, toUUID('${NO_MARK}') AS mark
  FROM (
    SELECT groupUniqArrayArray(hours) AS unfinished FROM erasures
    GROUP BY kind, subject HAVING maxIf(at, NOT finished) > maxIf(at, finished)
  )
)
WHERE hour >= toDateTime({from:UInt32}) AND hour < toDateTime({to:UInt32})
GROUP BY hour ORDER BY hour DESC`;
