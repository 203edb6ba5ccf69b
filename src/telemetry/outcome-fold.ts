import { IS_CMCD } from './playback/reports-sql.ts';
import { toldByReports } from './playback/told-by-reports-sql.ts';

const BUFFER_STALL = `e.type = 'stall' AND e.cause = 'buffer' AND NOT ${IS_CMCD}`;
const SEEK_STALL = "e.type = 'stall' AND e.cause = 'seek'";

// Most views have no such events: gathered arrays are nothing then, sets and maps take hundreds of bytes a view.
/** How many different events. */
const toldTimes = (when: string): string => `arrayUniq(groupArrayIf(e.event_id, ${when}))`;
/** How long they were together, each counted once. */
function toldTime(when: string): string {
  const events = `groupArrayIf((e.event_id, e.duration_ms), ${when})`;
  return `arraySum(arrayReduce('maxMap', [${events}.1], [${events}.2]).2)`;
}

/**
 * What all events of a view tell, and what native ones counted. Every aggregate is a maximum or a count of distinct event ids,
 * so order, repetition and lateness cannot change the row; counters are cumulative, so a lost report is subsumed by the next.
 *
 * Stalls are the larger of what the counters say and what the distinct stall events add up to, since either may be lost.
 */
const toldByEvents = (which: string): string => `
SELECT
  view_id,
  min(e.session_id) AS session_id,
  min(e.asset_id) AS asset_id,
  coalesce(nullIf(maxIf(e.region, e.region != 'ZZ'), ''), 'ZZ') AS region,
  coalesce(nullIf(maxIf(e.device, e.device != 'unknown'), ''), 'unknown') AS device,
  coalesce(nullIf(maxIf(e.connection, e.connection != 'unknown'), ''), 'unknown') AS connection,
  min(e.received_at) AS first_received_at,
  max(e.received_at) AS last_received_at,
  max(e.type = 'startup' OR e.startup_ms IS NOT NULL OR e.played_ms > 0) AS started,
  max(e.type = 'view_end') AS ended,
  max(e.fatal OR e.state = 'failed') AS fatal,
  max(e.code) AS error_code,
  max(if(${IS_CMCD}, '', toString(e.source))) AS source,
  maxIf(e.startup_ms, NOT ${IS_CMCD}) AS startup_ms,
  max(e.played_ms) AS played_ms,
  greatest(maxIf(e.stalled_ms, NOT ${IS_CMCD}), ${toldTime(BUFFER_STALL)}) AS stalled_ms,
  greatest(max(e.seek_stalled_ms), ${toldTime(SEEK_STALL)}) AS seek_stalled_ms,
  greatest(maxIf(e.stall_count, NOT ${IS_CMCD}), ${toldTimes(BUFFER_STALL)}) AS stall_count,
  max(e.paused_ms) AS paused_ms,
  max(e.bytes) AS bytes,
  maxMap(e.rung_ms) AS rung_ms,
  greatest(max(e.switches_up) + max(e.switches_down), ${toldTimes("e.type = 'rung_switch'")}) AS switches,
  maxIf(e.dropped_frames, NOT ${IS_CMCD}) AS dropped_frames,
  max(e.viewport_height) AS viewport_height,
  max(e.trusted) AS trusted,
  arraySort(groupUniqArray(toStartOfHour(e.received_at))) AS received_hours,
  count() AS event_rows
FROM events AS e
WHERE ${which}
GROUP BY view_id`;

/** What was counted where it happened is believed before what is derived from reports, and as a whole: its parts belong together. */
const IS_COUNTED = 'told.played_ms + told.stalled_ms + told.seek_stalled_ms > 0';
const counted = (column: string): string => `if(${IS_COUNTED}, told.${column}, derived.${column})`;

const OUTCOME: Readonly<Record<string, string>> = {
  view_id: 'told.view_id',
  session_id: 'told.session_id',
  asset_id: 'told.asset_id',
  region: 'told.region',
  device: 'told.device',
  connection: 'told.connection',
  first_received_at: 'told.first_received_at',
  last_received_at: 'told.last_received_at',
  started: 'told.started OR derived.started',
  ended: 'told.ended',
  fatal: 'told.fatal',
  error_code: 'told.error_code',
  startup_ms: 'coalesce(told.startup_ms, derived.startup_ms)',
  played_ms: counted('played_ms'),
  stalled_ms: counted('stalled_ms'),
  seek_stalled_ms: counted('seek_stalled_ms'),
  stall_count: counted('stall_count'),
  paused_ms: counted('paused_ms'),
  bytes: 'told.bytes',
  rung_ms: counted('rung_ms'),
  rung_kbps_ms: `if(${IS_COUNTED}, map(), derived.rung_kbps_ms)`,
  switches: counted('switches'),
  dropped_frames: 'greatest(told.dropped_frames, derived.dropped_frames)',
  viewport_height: 'told.viewport_height',
  measured_by: `if(${IS_COUNTED} OR derived.source = '', told.source, derived.source)`,
  estimated: `arrayConcat(if(told.startup_ms IS NULL AND derived.startup_estimated, ['startup_ms'], []), if(${IS_COUNTED}, [], derived.estimated))`,
  trusted: 'told.trusted',
  received_hours: 'told.received_hours',
  event_rows: 'told.event_rows',
};

/** `toldByReports` of views that no report tells of: by its own text, which is long, the engine would think half a second. */
const NOTHING_TOLD = `
SELECT '' AS view_id, '' AS source, false AS started, CAST(NULL, 'Nullable(Int64)') AS startup_ms, toInt64(0) AS played_ms,
  toInt64(0) AS stalled_ms, toInt64(0) AS seek_stalled_ms, toInt64(0) AS stall_count, toInt64(0) AS paused_ms,
  CAST(map(), 'Map(String, UInt32)') AS rung_ms, CAST(map(), 'Map(UInt32, UInt32)') AS rung_kbps_ms, toInt64(0) AS switches,
  toInt64(0) AS dropped_frames, false AS startup_estimated, CAST([], 'Array(String)') AS estimated
WHERE false`;

/** Nothing to replace within one insert: looking for it takes a quarter of a fold. */
const ONE_ROW_A_VIEW = 'SETTINGS optimize_on_insert = 0';

function foldSql(which: string, reports = toldByReports(which)): string {
  const columns = Object.entries(OUTCOME).map(([name, sql]) => `${sql} AS ${name}`);
  return `INSERT INTO view_outcomes (${Object.keys(OUTCOME).join(', ')})
SELECT ${columns.join(',\n  ')}
FROM (${toldByEvents(which)}) AS told
LEFT JOIN (${reports}) AS derived ON derived.view_id = told.view_id
${ONE_ROW_A_VIEW}`;
}

const OF_SEGMENT = "FROM events WHERE segment = {segment:String} AND view_id != ''";
/** Hosts that fold the same view at the same moment see each other's rows also where an hour ends between them. */
const HOURS_AROUND = 'arrayMap(seconds -> toStartOfHour(received_at + seconds), [-300, 0, 300])';
/** Outcomes folded by older versions do not say; their rows are between the first and the last. */
const HOURS_HEARD = `if(empty(received_hours), arrayMap(hours -> toStartOfHour(first_received_at) + 3600 * hours,
  range(toUInt32(dateDiff('hour', first_received_at, last_received_at)) + 1)), received_hours)`;

/**
 * Holds for the rows of `events AS e` that are of a segment's views. They are named by hour and view, as the table is sorted, so
 * that only their granules are read however large it is: hours of this segment, and those in which outcomes say that the views
 * were heard before.
 */
export const ROWS_OF_SEGMENTS_VIEWS = `(toStartOfHour(e.received_at), view_id) IN (
  SELECT arrayJoin(hours), view_id FROM (
    SELECT view_id, ${HOURS_AROUND} AS hours ${OF_SEGMENT}
    UNION ALL
    SELECT view_id, ${HOURS_HEARD} AS hours FROM view_outcomes WHERE view_id IN (SELECT view_id ${OF_SEGMENT})))`;

/** Whether a CMCD report tells of a view that the segment `{segment:String}` touches: one row, or none. */
export const SEGMENT_HAS_REPORTS_SQL = `SELECT 1 AS found FROM events AS e WHERE ${IS_CMCD} AND ${ROWS_OF_SEGMENTS_VIEWS} LIMIT 1`;

/**
 * FOLD_SEGMENT_SQL where there is none: a tenth of its cost on a small segment. Reports that came in meanwhile are not counted
 * into `event_rows`, so that the row their own segment gives wins.
 */
export const FOLD_COUNTED_SEGMENT_SQL = foldSql(`NOT ${IS_CMCD} AND ${ROWS_OF_SEGMENTS_VIEWS}`, NOTHING_TOLD);

/** Rebuilds the outcomes of every view that the segment `{segment:String}` touches. Running it twice changes nothing. */
export const FOLD_SEGMENT_SQL = foldSql(ROWS_OF_SEGMENTS_VIEWS);

/** Rebuilds every outcome from raw, for repair after a restore. */
export const FOLD_ALL_SQL = foldSql("view_id != ''");
