import { SCORABLE_SQL } from './view-components.ts';

/** What a figure is measured in; `ratio` is 0..1 unless its metric says otherwise. */
export type QoeUnit = 'ratio' | 'ms' | 'kbit/s' | 'bytes' | 'points' | 'per minute' | 'per hour' | 'views';

/**
 * How Σ numerator ÷ Σ denominator behaves, which decides its interval. `proportion`: a count of views out of views.
 * `fraction`: a part of a whole, 0..1, of time or reports. `rate`: events in time. `mean`: anything else.
 */
export type QoeKind = 'proportion' | 'fraction' | 'rate' | 'mean';

/** One metric: Σ numerator ÷ Σ denominator over the views where `of` holds. SQL over `scored_views`, finite wherever `of` holds. */
export type QoeMetric = {
  name: string;
  title: string;
  unit: QoeUnit;
  kind: QoeKind;
  numerator: string;
  denominator: string;
  of: string;
  /** In words: what is divided by what. */
  definition: string;
  /** Who else defines it so. */
  source: string;
  caveat?: string;
};

const STARTED = "class = 'started'";
const PLAYED = "class = 'started' AND played_ms > 0";
/** Σ over a view's renditions of known height `h` of `share` × their playing time. */
const overHeights = (share: string) =>
  `arraySum((h, ms) -> if(h = 0, 0, ms * (${share})), rung_heights, mapValues(rung_ms))`;
const SIZED_MS = overHeights('1');
/** Views whose viewport is known, and the height of some rendition they played. */
const SIZED = `viewport_height > 0 AND ${SIZED_MS} > 0`;

const WATCHED = 'ifNull(startup_ms, 0) + played_ms + stalled_ms';

/** Every metric of `/v1/qoe` that is a ratio of sums; the startup quantiles and the reward are beside it. */
export const QOE_METRICS = [
  {
    name: 'stallRatio',
    title: 'Stall ratio (CIRR)',
    unit: 'ratio',
    kind: 'fraction',
    numerator: 'stalled_ms',
    denominator: 'played_ms + stalled_ms',
    of: STARTED,
    definition: 'Time stalled after the start, not by seeking ÷ time played or so stalled; started views.',
    source: 'Connection-induced rebuffering ratio (CIRR) of the field.',
  },
  {
    name: 'rebufferingRatio',
    title: 'Rebuffering ratio with seeks',
    unit: 'ratio',
    kind: 'fraction',
    numerator: 'stalled_ms + seek_stalled_ms',
    denominator: 'played_ms + stalled_ms + seek_stalled_ms',
    of: STARTED,
    definition: 'Time stalled after the start, by seeking or not ÷ time played or stalled; started views.',
    source: 'Rebuffering ratio of the field, seeks included; minus stallRatio it is what viewers do to themselves.',
  },
  {
    name: 'ctaStalledTimeRatio',
    title: 'Stalled time % (CTA-2066)',
    unit: 'ratio',
    kind: 'fraction',
    numerator: 'stalled_ms',
    denominator: WATCHED,
    of: STARTED,
    definition: 'Time stalled ÷ wall clock watched: startup + played + stalled; started views.',
    source: 'CTA-2066 stalled time %, over time watched from the request on.',
    caveat: 'Pauses and waiting after seeks are not watching and stay out.',
  },
  {
    name: 'stallsPerMinute',
    title: 'Rebuffering frequency',
    unit: 'per minute',
    kind: 'rate',
    numerator: 'stall_count',
    denominator: '(played_ms + stalled_ms) / 60000',
    of: STARTED,
    definition: 'Stalls not by seeking ÷ minutes played or stalled; started views.',
    source: 'Rebuffering frequency of the field.',
  },
  {
    name: 'stalledViewRatio',
    title: 'Views that stalled',
    unit: 'ratio',
    kind: 'proportion',
    numerator: 'stall_count > 0 OR stalled_ms > 0',
    denominator: '1',
    of: STARTED,
    definition: 'Views with a stall not by seeking ÷ started views.',
    source: 'Rebuffer percentage of the field.',
  },
  {
    name: 'startupMsMean',
    title: 'Average startup time (CTA-2066)',
    unit: 'ms',
    kind: 'mean',
    numerator: 'ifNull(startup_ms, 0)',
    denominator: '1',
    of: `${STARTED} AND isNotNull(startup_ms)`,
    definition: 'Mean time from the request to the first frame; started views whose startup was measured.',
    source: 'CTA-2066 average startup time: views that never started are left out.',
    caveat: 'A few slow starts move it; read the quantiles.',
  },
  {
    name: 'playbackFailureRatio',
    title: 'Playback failure % (CTA-2066)',
    unit: 'ratio',
    kind: 'proportion',
    numerator: "fatal OR class = 'failedToStart'",
    denominator: '1',
    of: 'is_heard',
    definition: 'Views with a fatal error, before or after the first frame ÷ views heard of.',
    source: 'CTA-2066 playback failure %.',
    caveat: 'A decided view that nobody heard of again (`unobserved`) is in neither number.',
  },
  {
    name: 'startFailureRatio',
    title: 'Video start failures (VSF)',
    unit: 'ratio',
    kind: 'proportion',
    numerator: "class = 'failedToStart'",
    denominator: '1',
    of: 'is_heard',
    definition: 'Views with a fatal error and no sign of a start ÷ views heard of.',
    source: 'VSF of the field.',
  },
  {
    name: 'exitBeforeStartRatio',
    title: 'Exits before start (EBVS)',
    unit: 'ratio',
    kind: 'proportion',
    numerator: "class = 'leftBeforeStart'",
    denominator: '1',
    of: 'is_heard',
    definition: 'Views heard of that neither started nor failed ÷ views heard of.',
    source: 'EBVS of the field.',
    caveat: 'A view that is still loading counts here until its first frame.',
  },
  {
    name: 'unobservedRatio',
    title: 'Decided and never heard of',
    unit: 'ratio',
    kind: 'proportion',
    numerator: "class = 'unobserved'",
    denominator: '1',
    of: 'is_decided',
    definition: 'Decided views without any telemetry ÷ decided views.',
    source: 'Ours: bots, blocked beacons, players without configuration.',
    caveat: 'Holds the views of the last seconds.',
  },
  {
    name: 'estimatedRatio',
    title: 'Estimated outcomes',
    unit: 'ratio',
    kind: 'proportion',
    numerator: 'is_estimated',
    denominator: '1',
    of: 'is_heard',
    definition: 'Views of which some figure is derived, not told ÷ views heard of.',
    source: 'Ours: what CMCD requests can only hint at (CTA-5004).',
    caveat: 'The other metrics hold estimated views too; group by measuredBy to see them apart.',
  },
  {
    name: 'implausibleRatio',
    title: 'Implausible views',
    unit: 'ratio',
    kind: 'proportion',
    numerator: 'implausible',
    denominator: '1',
    of: 'is_heard',
    definition: 'Views whose client claims to have played and stalled for longer than they existed ÷ views heard of.',
    source: 'Ours: broken clocks and forgeries, by server clocks only.',
    caveat: 'They are in the other metrics; most such reports are refused on arrival and never make a view.',
  },
  {
    name: 'seenQuality',
    title: 'Seen quality',
    unit: 'points',
    kind: 'mean',
    numerator: 'quality_ms',
    denominator: 'known_rung_ms',
    of: SCORABLE_SQL,
    definition:
      'Play-time mean of the rendition’s measured quality on the viewer’s device, 0–100 capped at 95; views with known quality.',
    source: 'Ours, VMAF-like; above 95 nobody sees a difference.',
  },
  {
    name: 'bitrateKbps',
    title: 'Playback bitrate (CTA-2066)',
    unit: 'kbit/s',
    kind: 'mean',
    numerator: 'delivered_kbit * 1000',
    denominator: 'played_ms',
    of: `${PLAYED} AND delivered_kbit > 0`,
    definition: 'Bits delivered ÷ media time played; views that played and whose bits are known.',
    source: 'CTA-2066 average playback bitrate.',
    caveat: 'Without a count of bytes: the renditions’ bitrates × their playing time.',
  },
  {
    name: 'bytesPerView',
    title: 'Bytes a view',
    unit: 'bytes',
    kind: 'mean',
    numerator: 'delivered_kbit * 125',
    denominator: '1',
    of: `${STARTED} AND (delivered_kbit > 0 OR played_ms = 0)`,
    definition: 'Bytes delivered ÷ started views whose bytes are known.',
    source: 'Ours: what egress costs.',
  },
  {
    name: 'playedMsPerView',
    title: 'Playing time a view',
    unit: 'ms',
    kind: 'mean',
    numerator: 'played_ms',
    denominator: '1',
    of: STARTED,
    definition: 'Media time played ÷ started views.',
    source: 'Play time of the field.',
  },
  {
    name: 'switchesPerMinute',
    title: 'Rung switches a minute',
    unit: 'per minute',
    kind: 'rate',
    numerator: 'switches',
    denominator: 'played_ms / 60000',
    of: PLAYED,
    definition: 'Switches between renditions ÷ minutes played; views that played.',
    source: 'Rendition changes of the field.',
  },
  {
    name: 'upscaledTimeRatio',
    title: 'Time upscaled',
    unit: 'ratio',
    kind: 'fraction',
    numerator: overHeights('h < viewport_height'),
    denominator: SIZED_MS,
    of: SIZED,
    definition: 'Playing time on renditions lower than the viewport ÷ playing time on renditions of known height.',
    source: 'Upscale of the field, as a share of time.',
    caveat: 'The viewport is the largest that the view reported; views that report none are out.',
  },
  {
    name: 'upscaleFactor',
    title: 'Mean upscale',
    unit: 'ratio',
    kind: 'mean',
    numerator: overHeights('greatest(0, viewport_height / h - 1)'),
    denominator: SIZED_MS,
    of: SIZED,
    definition: 'Play-time mean of max(0, viewport height ÷ rendition height − 1): 0.5 is shown half as tall again.',
    source: 'Upscale percentage of the field.',
    caveat: 'As for upscaledTimeRatio; may exceed 1.',
  },
  {
    name: 'downscaledTimeRatio',
    title: 'Time downscaled',
    unit: 'ratio',
    kind: 'fraction',
    numerator: overHeights('h > viewport_height'),
    denominator: SIZED_MS,
    of: SIZED,
    definition: 'Playing time on renditions taller than the viewport ÷ playing time on renditions of known height.',
    source: 'Downscale of the field, as a share of time: bits that nobody sees.',
    caveat: 'As for upscaledTimeRatio.',
  },
  {
    name: 'downscaleFactor',
    title: 'Mean downscale',
    unit: 'ratio',
    kind: 'mean',
    numerator: overHeights('greatest(0, h / viewport_height - 1)'),
    denominator: SIZED_MS,
    of: SIZED,
    definition: 'Play-time mean of max(0, rendition height ÷ viewport height − 1).',
    source: 'Downscale percentage of the field.',
    caveat: 'As for upscaledTimeRatio; may exceed 1.',
  },
  {
    name: 'droppedFramesPerHour',
    title: 'Dropped frames an hour',
    unit: 'per hour',
    kind: 'rate',
    numerator: 'dropped_frames',
    denominator: 'played_ms / 3600000',
    of: PLAYED,
    definition: 'Frames decoded late or not at all ÷ hours played; views that played.',
    source: 'CTA-5004-B `dfa`, per time instead of per frame, since frames shown are not reported.',
    caveat: 'A player that does not report dropped frames counts as one that dropped none.',
  },
] as const satisfies readonly QoeMetric[];

export type QoeMetricName = (typeof QOE_METRICS)[number]['name'];

/** A metric of the list. */
export function qoeMetric(name: QoeMetricName): QoeMetric {
  const found = QOE_METRICS.find((metric) => metric.name === name);
  if (found === undefined) throw new Error(`no metric ${name}`);
  return found;
}
