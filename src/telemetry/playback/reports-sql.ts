/*
 * CMCD tells what a player was doing at moments; how long it played and stalled is between them. These SQL steps derive that for
 * each view from all its reports at once: sorted and freed of repeats first, so that order and repetition cannot matter.
 *
 * Lambdas never capture an array: ClickHouse copies what they capture once per element. Neighbours are shifted arrays instead.
 */

/** True for rows that a CMCD report became. */
export const IS_CMCD = "startsWith(e.source, 'cmcd')";

/** The next (previous) element beside each one, `pad` at the end (start). */
export const next = (array: string, pad: string): string => `arrayPopFront(arrayPushBack(${array}, ${pad}))`;
export const previous = (array: string, pad: string): string => `arrayPopBack(arrayPushFront(${array}, ${pad}))`;

/** Reports of event mode carry the player's clock; those of requests the server's. They are never compared. */
const EVENT_MODE = 1;
const V2_REQUEST = 2;
const V1_REQUEST = 3;
const SAMPLE = 0;
const PLAY_REQUEST = 1;
const ENDED_STALL = 2;

/** Numbers that may be absent are -1 then: tuples with NULL do not sort. */
const REPORT = {
  at: ['Int64', 'toUnixTimestamp64Milli(e.ts)'],
  sequence: ['Int64', 'ifNull(e.sequence, -1)'],
  event_id: ['String', 'e.event_id'],
  mode: [
    'UInt8',
    `multiIf(e.source = 'cmcd2-event', ${EVENT_MODE}, e.source = 'cmcd2-request', ${V2_REQUEST}, ${V1_REQUEST})`,
  ],
  what: ['UInt8', `multiIf(e.type = 'view_start', ${PLAY_REQUEST}, e.type = 'stall', ${ENDED_STALL}, ${SAMPLE})`],
  duration: ['Int64', 'e.duration_ms'],
  state: ['String', 'e.state'],
  playhead: ['Int64', 'ifNull(e.playhead_ms, -1)'],
  buffer: ['Int64', 'ifNull(e.buffer_ms, -1)'],
  kbps: ['UInt32', 'toUInt32(round(ifNull(e.sample_kbps, 0)))'],
  rendition: ['String', 'e.sample_rendition'],
  segment_ms: ['Int64', 'e.segment_ms'],
  segment_index: ['Int64', 'ifNull(e.segment_index, -1)'],
  last_segment: ['UInt8', 'e.last_segment'],
  starved: ['UInt8', 'e.starved'],
  rate: ['Float32', 'ifNull(e.playback_rate, 1)'],
  start_delay: ['Int64', 'ifNull(e.startup_ms, -1)'],
  stalled: ['Int64', 'e.stalled_ms'],
  stalls: ['Int64', 'e.stall_count'],
  dropped: ['Int64', 'e.dropped_frames'],
} as const;

const TYPE = Object.entries(REPORT)
  .map(([name, [type]]) => `${name} ${type}`)
  .join(', ');
const VALUES = Object.values(REPORT)
  .map(([, value]) => value)
  .join(', ');

/** More reports of one view than this are not looked at: two hours of two-second segments make a third of it. */
const MAX_REPORTS = 20_000;

/** Per view its CMCD reports in the order in which they were made. */
export const gatherReports = (which: string): string => `
SELECT view_id, groupArraySorted(${MAX_REPORTS})(CAST(tuple(${VALUES}), 'Tuple(${TYPE})')) AS reports
FROM events AS e
WHERE ${IS_CMCD} AND e.type IN ('progress', 'view_end', 'view_start', 'stall') AND ${which}
GROUP BY view_id`;

/** Counters of CMCD are since the session began: a view that came later in it counts from its first report. */
const sinceViewBegan = (counter: string): string =>
  `arrayMax(arrayPushBack(cmcd.${counter}, 0)) - if(arrayExists(s -> s IN (0, 1), cmcd.sequence), 0,
    arrayMin(arrayPushBack(arrayFilter(c -> c > 0, cmcd.${counter}), arrayMax(arrayPushBack(cmcd.${counter}, 0)))))`;

/** Takes `reports` apart: `cmcd` without repeats, `ev` the samples of event mode, `rq` those of requests, and the counters. */
export const separateReports = (from: string): string => `
SELECT *,
  arrayFilter(r -> r.what = ${SAMPLE} AND r.mode = ${EVENT_MODE}, cmcd) AS ev,
  arrayFilter(r -> r.what = ${SAMPLE} AND r.mode != ${EVENT_MODE}, cmcd) AS rq,
  arrayFilter(r -> r.what = ${PLAY_REQUEST} AND r.mode = ${EVENT_MODE}, cmcd).at AS told_to_play,
  arrayFilter(r -> r.what = ${ENDED_STALL}, cmcd) AS ended_stalls,
  arrayMax(arrayPushBack(cmcd.start_delay, -1)) AS start_delay,
  ${sinceViewBegan('stalled')} AS counted_stalled,
  ${sinceViewBegan('stalls')} AS counted_stalls,
  ${sinceViewBegan('dropped')} AS counted_dropped,
  if(arrayExists(r -> r.mode = ${V2_REQUEST}, rq), 'cmcd2-request', 'cmcd1') AS request_source
FROM (
  SELECT *, arrayFilter((r, n) -> n = 1, reports, arrayEnumerateUniq(reports.event_id)) AS cmcd FROM (${from})
)`;
