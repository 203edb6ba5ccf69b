/**
 * One outcome per view from its raw events. Every aggregate is a maximum or a count of distinct event ids, so order,
 * repetition and lateness cannot change the row; counters are cumulative, so a lost report is subsumed by the next.
 *
 * Stalls are the larger of what the counters say and what the distinct stall events add up to, since either may be lost.
 */
const FOLD_SELECT = `
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
  max(e.fatal) AS fatal,
  max(e.code) AS error_code,
  max(e.startup_ms) AS startup_ms,
  max(e.played_ms) AS played_ms,
  greatest(max(e.stalled_ms), arraySum(mapValues(maxMapIf(map(e.event_id, toUInt64(e.duration_ms)), e.type = 'stall' AND e.cause = 'buffer')))) AS stalled_ms,
  greatest(max(e.seek_stalled_ms), arraySum(mapValues(maxMapIf(map(e.event_id, toUInt64(e.duration_ms)), e.type = 'stall' AND e.cause = 'seek')))) AS seek_stalled_ms,
  greatest(max(e.stall_count), uniqExactIf(e.event_id, e.type = 'stall' AND e.cause = 'buffer')) AS stall_count,
  max(e.paused_ms) AS paused_ms,
  max(e.bytes) AS bytes,
  maxMap(e.rung_ms) AS rung_ms,
  greatest(max(e.switches_up) + max(e.switches_down), uniqExactIf(e.event_id, e.type = 'rung_switch')) AS switches,
  max(e.dropped_frames) AS dropped_frames,
  max(e.viewport_height) AS viewport_height,
  max(e.trusted) AS trusted,
  arraySort(groupUniqArray(toStartOfHour(e.received_at))) AS received_hours,
  count() AS event_rows
FROM events AS e`;

const OUTCOME_COLUMNS = `view_id, session_id, asset_id, region, device, connection, first_received_at, last_received_at, started, ended,
  fatal, error_code, startup_ms, played_ms, stalled_ms, seek_stalled_ms, stall_count, paused_ms, bytes, rung_ms, switches,
  dropped_frames, viewport_height, trusted, received_hours, event_rows`;

/** Rebuilds the outcomes of every view that the segment `{segment:String}` touches. Running it twice changes nothing. */
export const FOLD_SEGMENT_SQL = `
INSERT INTO view_outcomes (${OUTCOME_COLUMNS})
${FOLD_SELECT}
WHERE view_id IN (SELECT view_id FROM events WHERE segment = {segment:String} AND view_id != '')
GROUP BY view_id`;

/** Rebuilds every outcome from raw, for repair after a restore. */
export const FOLD_ALL_SQL = `INSERT INTO view_outcomes (${OUTCOME_COLUMNS}) ${FOLD_SELECT} WHERE view_id != '' GROUP BY view_id`;
