import { next, previous } from './reports-sql.ts';

/** Buffer lengths are rounded to 100 ms, and a request is a little later than what it tells. */
const SLACK_MS = 300;
/** A playhead that moves this much further than the clock has jumped. */
const JUMP_MS = 500;
/** Less media than this ahead of the playhead is none. */
const EMPTY_BUFFER_MS = 200;
/** A playhead moved this far is moving. */
const MIN_PROGRESS_MS = 100;
/** Shorter interruptions drown in the rounding. */
const MIN_STALL_MS = 250;
/** Longer than this nobody waits in front of a still picture. */
const MAX_STALL_MS = 65_000;
/** Players buffer no more than this, so they play no longer without asking. */
const MAX_BUFFER_MS = 300_000;
/** Nobody cuts shorter segments; shorter ones would only cost. */
const MIN_SEGMENT_MS = 250;

/**
 * What the video segments that a player asked for (`rq`) tell of its playback: an estimate. A request is for what follows
 * the buffer, so the playhead stands one buffer length before it. Between two requests media was shown as far as the
 * playhead moved; the rest of the time it was not: a stall where the player says that it starved (CMCD `bs`, `su`) or the
 * playhead had reached the end of its buffer, seeking after a jump, else a pause. What is buffered at the last request counts
 * as shown when the segment is the asset's last, because nothing else can follow; else half a segment of it.
 */
export const requestTimeline = (from: string): string =>
  requestRungs(requestSums(requestIntervals(requestHeads(requestSegments(from)))));

const requestSegments = (from: string): string => `
SELECT *,
  arrayFilter(r -> r.segment_ms > 0, rq) AS video,
  arrayFilter((sum, r) -> r.segment_ms > 0, arrayCumSum(rq.starved), rq) AS v_starved,
  toInt64(greatest(${MIN_SEGMENT_MS}, arrayReduce('quantileExactLow(0.5)', video.segment_ms))) AS v_nominal,
  if(arrayExists(i -> i < 0, video.segment_index), arrayMap(n -> toInt64(n - 1), arrayEnumerate(video)), video.segment_index) AS v_index,
  arrayMap(i -> i * v_nominal, v_index) AS v_position,
  arrayMap((p, ms) -> p + ms, v_position, video.segment_ms) AS v_end,
  arrayMap(b -> greatest(b, 0), video.buffer) AS v_buffer,
  length(arrayDistinct(v_index)) AS v_distinct
FROM (${from})`;

/** Players ask again for what they have, in another rendition: then the buffer ends where it did before. */
const requestHeads = (from: string): string => `
SELECT *,
  arrayReduceInRanges('max', arrayMap(n -> (1, toUInt32(n - 1)), arrayEnumerate(v_end)), v_end) AS v_fetched,
  arrayMap((p, b) -> p - b, v_position, v_buffer) AS v_naive,
  arrayMap((p, fetched, b, naive, before, at, at_before, n) -> if(n > 1 AND p < fetched AND b > ${EMPTY_BUFFER_MS}
      AND naive < before - ${SLACK_MS} AND fetched - b >= before - ${SLACK_MS} AND fetched - b - before <= at - at_before + ${JUMP_MS},
      fetched - b, naive),
    v_position, v_fetched, v_buffer, v_naive, ${previous('v_naive', '0')}, video.at, ${previous('video.at', '0')},
    arrayEnumerate(video)) AS v_head
FROM (${from})`;

/** Everything here has one element per pair of neighbouring requests. */
const requestIntervals = (from: string): string => `
SELECT *,
  arrayPopBack(arrayMap((at, until) -> until - at, video.at, ${next('video.at', '0')})) AS i_wall,
  arrayPopBack(arrayMap((head, until) -> until - head, v_head, ${next('v_head', '0')})) AS i_moved,
  arrayPopBack(arrayMap((sum, until) -> until > sum, v_starved, ${next('v_starved', '0')})) AS i_starved,
  arrayPopFront(arrayMap(rate -> greatest(rate, 1), video.rate)) AS i_rate,
  arrayPopBack(v_buffer) AS i_buffer,
  arrayPopBack(video.buffer) AS i_told_buffer,
  arrayMap((wall, moved, rate) -> moved < -${SLACK_MS} OR moved > wall * rate + ${JUMP_MS}, i_wall, i_moved, i_rate) AS i_jump,
  arrayMap((jump, before, b) -> NOT jump AND before AND b <= ${EMPTY_BUFFER_MS}, i_jump, ${previous('i_jump', '0')}, i_buffer) AS i_landing,
  arrayFirstIndex((jump, landing, moved) -> NOT jump AND NOT landing AND moved >= ${MIN_PROGRESS_MS}, i_jump, i_landing, i_moved) AS i_first,
  arrayMap(n -> i_first > 0 AND n >= i_first, arrayEnumerate(i_wall)) AS i_begun,
  arrayMap((begun, jump, landing, wall, moved, rate, b) -> toInt64(multiIf(NOT begun OR landing, 0, jump, least(wall, b, ${MAX_BUFFER_MS}),
      greatest(0, least(toInt64(moved / rate), wall, ${MAX_BUFFER_MS})))),
    i_begun, i_jump, i_landing, i_wall, i_moved, i_rate, i_buffer) AS i_shown,
  arrayMap((wall, shown) -> greatest(0, wall - shown), i_wall, i_shown) AS i_idle,
  arrayMap((begun, jump, landing, b) -> begun AND (landing OR (jump AND b <= ${EMPTY_BUFFER_MS})), i_begun, i_jump, i_landing, i_buffer) AS i_seek,
  arrayMap((n, jump, landing, idle, starved, shown, b) -> i_first > 0 AND n > i_first AND NOT jump AND NOT landing
      AND idle >= ${MIN_STALL_MS} AND (starved OR (b >= 0 AND shown >= b - ${MIN_STALL_MS})),
    arrayEnumerate(i_wall), i_jump, i_landing, i_idle, i_starved, i_shown, i_told_buffer) AS i_stall
FROM (${from})`;

const requestSums = (from: string): string => `
SELECT *,
  v_distinct >= 2 AS rq_started,
  arrayExists(l -> l = 1, video.last_segment) AND arrayExists(l -> l = 0, video.last_segment) AS rq_reached_end,
  multiIf(NOT rq_started, 0, rq_reached_end, least(greatest(arrayMax(v_end) - v_head[-1], 0), ${MAX_BUFFER_MS}),
    least(v_buffer[-1], intDiv(v_nominal, 2))) AS rq_tail,
  arraySum(i_shown) + rq_tail AS rq_played,
  arraySum((idle, stall) -> if(stall, least(idle, ${MAX_STALL_MS}), 0), i_idle, i_stall) AS rq_stalled,
  arraySum((stall, before, b) -> stall AND NOT (before AND b <= ${EMPTY_BUFFER_MS}), i_stall, ${previous('i_stall', '0')}, i_buffer) AS rq_stalls,
  arraySum((idle, seek) -> if(seek, least(idle, ${MAX_STALL_MS}), 0), i_idle, i_seek) AS rq_seek_stalled,
  arraySum((idle, begun, seek, stall, jump) -> if(begun AND NOT seek AND NOT stall AND NOT jump AND idle >= ${MIN_STALL_MS}, idle, 0),
    arrayPopFront(i_idle), arrayPopFront(i_begun), arrayPopFront(i_seek), arrayPopFront(i_stall), arrayPopFront(i_jump)) AS rq_paused,
  multiIf(i_first > 0, greatest(0, video.at[i_first + 1] - toInt64(i_moved[i_first] / i_rate[i_first]) - rq.at[1]),
    rq_started, video.at[2] - rq.at[1], -1) AS rq_startup,
  -- Stalls that v2 measures itself, unless they began before anything was shown.
  arrayFilter(r -> r.mode != 1 AND i_first > 0 AND r.at - r.duration > rq.at[1] + rq_startup, ended_stalls).duration AS rq_ended_stalls
FROM (${from})`;

/**
 * Spreads what was shown over the segments it lies in, and those over the renditions they were last asked for in: both are
 * sorted by segment, and each piece takes the rendition before it.
 */
const requestRungs = (from: string): string => `
SELECT *,
  arrayFilter(s -> s.2 > s.1, arrayPushBack(arrayMap((head, shown) -> (greatest(head, 0), greatest(head, 0) + shown),
    arrayPopBack(v_head), i_shown), (greatest(v_head[-1], 0), greatest(v_head[-1], 0) + rq_tail))) AS shown_spans,
  arrayFlatten(arrayMap(s -> arrayMap(k -> (toInt64(k), 1, 0, '', toUInt32(0),
      least(s.2, toInt64(k + 1) * v_nominal) - greatest(s.1, toInt64(k) * v_nominal)),
    range(toUInt64(intDiv(s.1, v_nominal)), toUInt64(intDiv(s.2 - 1, v_nominal)) + 1)), shown_spans)) AS shown_pieces,
  arraySort(arrayConcat(arrayMap((i, n, r) -> (i, 0, n, r.rendition, r.kbps, toInt64(0)), v_index, arrayEnumerate(v_index), video),
    shown_pieces)) AS pieces,
  arrayZip(arrayFill((id, p) -> p.2 = 0, pieces.4, pieces), arrayFill((k, p) -> p.2 = 0, pieces.5, pieces), pieces.6) AS labelled,
  arrayFilter((l, p) -> p.2 = 1, labelled, pieces) AS rq_rungs
FROM (${from})`;
