import { next, previous } from './reports-sql.ts';

/** Silence up to this long is the state before it going on: two default report intervals and some delay. Beyond it, unknown. */
const MAX_SILENCE_MS = 65_000;

/**
 * What the states of event mode (`ev`) add up to. Time between two samples belongs to the state of the first. Played time is
 * wall clock, as native reports count it, but never more than the playhead moved. Rebuffering after seeking, before anything
 * else, is seeking; before the first playing it is start-up. A rendition that is selected is shown once what was buffered
 * then has played.
 */
export const eventTimeline = (from: string): string => eventRungs(eventDurations(eventStates(from)));

const eventStates = (from: string): string => `
SELECT *,
  arrayFill(s -> s != '', ev.state) AS ev_state,
  arrayFill(s -> s NOT IN ('rebuffering', 'waiting'), ev_state) AS ev_cause,
  indexOf(ev_state, 'playing') AS ev_first,
  ev.at[1] AS ev_from_ms,
  -- A player that calls filled buffers playing (shaka-player) tells by its start delay when it really began.
  if(start_delay >= 0 AND has(ev.sequence, 0), ev_from_ms + start_delay, 0) AS ev_not_before,
  arrayFilter(at -> at <= ev.at[ev_first], told_to_play) AS ev_told,
  multiIf(notEmpty(ev_told), arrayMin(ev_told), has(ev_state, 'starting'), ev.at[indexOf(ev_state, 'starting')],
    ev_from_ms) AS ev_told_at
FROM (${from})`;

const eventDurations = (from: string): string => `
SELECT *,
  arrayMap(i -> ev_first > 0 AND i >= ev_first, arrayEnumerate(ev)) AS ev_begun,
  ${next('ev.at', 'ev.at[-1]')} AS ev_until,
  arrayMap((at, until) -> greatest(0, least(until - at, ${MAX_SILENCE_MS})), ev.at, ev_until) AS ev_ms,
  arrayMap((begun, state, rate, at, until, head, next_head) -> if(begun AND state = 'playing' AND rate > 0,
    greatest(0, least(until - greatest(at, ev_not_before), ${MAX_SILENCE_MS},
      if(head >= 0 AND next_head >= head, toInt64((next_head - head) / rate), ${MAX_SILENCE_MS}))), 0),
    ev_begun, ev_state, ev.rate, ev.at, ev_until, ev.playhead, ${next('ev.playhead', '-1')}) AS ev_shown,
  arrayMap((begun, state, cause) -> begun AND state = 'rebuffering' AND cause != 'seeking', ev_begun, ev_state, ev_cause) AS ev_stall,
  arraySum(ev_shown) AS ev_played,
  arraySum((ms, stall) -> if(stall, ms, 0), ev_ms, ev_stall) AS ev_stalled,
  arraySum((stall, before) -> stall AND NOT before, ev_stall, ${previous('ev_stall', '0')}) AS ev_stalls,
  arraySum((ms, begun, cause) -> if(begun AND cause = 'seeking', ms, 0), ev_ms, ev_begun, ev_cause) AS ev_seek_stalled,
  arraySum((ms, begun, state) -> if(begun AND state = 'paused', ms, 0), ev_ms, ev_begun, ev_state) AS ev_paused,
  if(ev_first > 0, greatest(0, ev.at[ev_first] - ev_told_at), -1) AS ev_startup,
  -- Without states it is known that a player was there, and since when: by its start delay or its first segment.
  arrayFilter(r -> r.segment_index >= 0, ev) AS ev_segments,
  length(arrayDistinct(ev_segments.segment_index)) >= 2 AS ev_fetched,
  multiIf(start_delay >= 0, ev_from_ms + start_delay, ev_fetched, ev_segments.at[1], 0) AS ev_alive_from,
  if(ev_first = 0 AND ev_alive_from > 0 AND notEmpty(ev),
    arraySum((at, until) -> greatest(0, least(until - greatest(at, ev_alive_from), ${MAX_SILENCE_MS})), ev.at, ev_until), 0)
    AS ev_alive,
  if(ev_alive > 0, ev_alive_from - ev_from_ms, -1) AS ev_alive_startup
FROM (${from})`;

/** From responses, which rendition each segment came in last; without them, when a bitrate was selected. */
const eventRungs = (from: string): string => `
SELECT *,
  arrayFill(k -> k > 0, ev.kbps) AS ev_kbps,
  arrayMap((sum, shown) -> sum - shown, arrayCumSum(ev_shown), ev_shown) AS ev_played_before,
  -- hls.js repeats the buffer length of the last append until the next one; shaka-player never says it.
  arrayFill((ms, b, before) -> b != before OR b < 0, ev_played_before, ev.buffer, ${previous('ev.buffer', '-2')}) AS ev_buffer_told,
  arrayFilter(c -> c.1 > 0 AND c.1 != c.2,
    arrayZip(ev_kbps, ${previous('ev_kbps', '0')}, ev_buffer_told, ev.buffer)) AS ev_selected,
  arrayMap((c, n) -> if(n = 1, 0, c.3 + greatest(c.4, 0)), ev_selected, arrayEnumerate(ev_selected)) AS ev_shown_from,
  -- What is selected later and shown earlier has replaced what was buffered.
  arrayMap(ms -> least(ms, ev_played), arrayReduceInRanges('min',
    arrayMap(n -> (n, toUInt32(length(ev_selected))), arrayEnumerate(ev_selected)), ev_shown_from)) AS ev_rung_from,
  arrayMap((c, from, until) -> ('', c.1, until - from), ev_selected, ev_rung_from, ${next('ev_rung_from', 'ev_played')}) AS ev_by_bitrate,
  arraySort(arrayMap((r, n) -> (r.segment_index, n, r.rendition), ev_segments, arrayEnumerate(ev_segments))) AS ev_by_segment,
  if(ev_fetched, arrayMap(s -> (s.3, toUInt32(0), toInt64(1000)),
      arrayFilter((s, after) -> s.1 != after.1, ev_by_segment, ${next('ev_by_segment', "(-1, 0, '')")})),
    ev_by_bitrate) AS ev_rungs
FROM (${from})`;
