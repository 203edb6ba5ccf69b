import { eventTimeline } from './event-timeline-sql.ts';
import { gatherReports, separateReports } from './reports-sql.ts';
import { requestTimeline } from './request-timeline-sql.ts';

/** What strangers name is bounded: a ladder has a dozen rungs, and these are the longest shown. */
const MAX_RUNGS = 64;
const longest = (summed: string): string =>
  `arraySlice(arrayReverseSort(rung -> rung.2, arrayZip(${summed}.1, arrayMap(ms -> toUInt32(ms), ${summed}.2))), 1, ${MAX_RUNGS})`;

/**
 * Which reports are believed about playback: the states of event mode, else the requests for segments, else only that a
 * player was there. Requests say which renditions, states how long: shares of the one make times of the other.
 */
const decideWitness = (from: string): string => `
SELECT *,
  multiIf(ev_first > 0, 'states', rq_started, 'requests', ev_alive > 0, 'presence', '') AS witness,
  multiIf(witness = 'states', ev_played, witness = 'requests', rq_played, witness = 'presence', ev_alive, 0) AS shown_ms,
  arrayFilter(r -> (r.1 != '' OR r.2 > 0) AND r.3 > 0, if(notEmpty(rq_rungs), rq_rungs, ev_rungs)) AS rungs,
  arrayMap(r -> toUInt32(round(r.3 * shown_ms / greatest(arraySum(rungs.3), 1))), rungs) AS rung_times,
  arrayReduce('sumMap', [arrayFilter(id -> id != '', rungs.1)], [arrayFilter((ms, r) -> r.1 != '', rung_times, rungs)]) AS by_id,
  arrayReduce('sumMap', [arrayFilter((k, r) -> r.1 = '', rungs.2, rungs)],
    [arrayFilter((ms, r) -> r.1 = '', rung_times, rungs)]) AS by_kbps,
  length(arrayCompact(arrayMap(r -> (r.1, if(r.1 = '', r.2, 0)), rungs))) AS runs,
  notEmpty(rq_ended_stalls) AS stalls_measured
FROM (${from})`;

/** Per view that CMCD reports tell of: what they tell, and which of it is an estimate. */
export function toldByReports(which: string): string {
  return `
SELECT
  view_id,
  witness,
  multiIf(witness IN ('states', 'presence'), 'cmcd2-event', witness = 'requests', request_source, notEmpty(ev), 'cmcd2-event',
    request_source) AS source,
  ev_first > 0 OR ev_fetched OR rq_started AS started,
  multiIf(start_delay >= 0, start_delay, ev_startup >= 0, ev_startup, rq_startup >= 0, rq_startup,
    ev_alive_startup >= 0, ev_alive_startup, NULL) AS startup_ms,
  shown_ms AS played_ms,
  multiIf(witness = 'states', greatest(ev_stalled, counted_stalled), stalls_measured, arraySum(rq_ended_stalls),
    greatest(rq_stalled, counted_stalled)) AS stalled_ms,
  multiIf(witness = 'states', greatest(ev_stalls, counted_stalls), stalls_measured, length(rq_ended_stalls),
    greatest(rq_stalls, counted_stalls)) AS stall_count,
  if(witness = 'states', ev_seek_stalled, rq_seek_stalled) AS seek_stalled_ms,
  if(witness = 'states', ev_paused, rq_paused) AS paused_ms,
  ${longest('by_id')} AS longest_ids,
  ${longest('by_kbps')} AS longest_kbps,
  mapFromArrays(longest_ids.1, longest_ids.2) AS rung_ms,
  mapFromArrays(longest_kbps.1, longest_kbps.2) AS rung_kbps_ms,
  if(runs > 0, runs - 1, 0) AS switches,
  counted_dropped AS dropped_frames,
  start_delay < 0 AND ev_startup < 0 AND startup_ms IS NOT NULL AS startup_estimated,
  -- The columns of the outcome that are estimates. Rungs told by states are right to a segment per switch, and count as measured.
  if(witness IN ('requests', 'presence'), arrayConcat(['played_ms', 'rung_ms', 'switches'],
    if(stalls_measured OR counted_stalled > 0, [], ['stalled_ms', 'stall_count'])), []) AS estimated
FROM (${decideWitness(requestTimeline(eventTimeline(separateReports(gatherReports(which)))))})`;
}
