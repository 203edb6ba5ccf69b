import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { StackingMode } from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { KilobitsPerSecond, Milliseconds, PercentUnit, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { MIN_PLAYS } from '../../src/telemetry/qoe-intervals.ts';
import { clickHouseSeriesPanel, statPanel } from '../panel.ts';
import { VIEW_METRICS, type ViewMetric } from '../sql/view-metrics.ts';
import {
  metricByPlaceSql,
  metricSql,
  metricsOverTimeSql,
  PLAYED_BY_HEIGHT_SQL,
  STARTUP_MEDIAN_SQL,
  STARTUP_QUANTILES_SQL,
  VIEW_COUNT_SQL,
  VIEWS_BY_CLASS_SQL,
} from '../sql/view-sql.ts';

const STALL_RATIO = 'Stalled time ÷ (played + stalled), over started views; seeking does not count.';
const SEEN_QUALITY =
  'Play-time mean of the rendition’s quality on the viewer’s device, 0–100, capped at 95 (transparent).';
const BITRATE = 'Delivered bits ÷ media time played.';
const BUSIEST = `The ten busiest pairs of region and device; points of fewer than ${MIN_PLAYS} plays are left out.`;
const VIEWPORT = 'Over views that tell their viewport, while they played renditions of known height.';

/** *Viewers' experience*: how views went, as `/v1/qoe` counts it. */
export function viewersRow(): Builder<Panel>[] {
  return [...figures(), ...lines()];
}

function figures(): Builder<Panel>[] {
  return [
    statPanel(
      {
        title: 'Views',
        description: 'Views that began in the time range, by decision or by first report.',
        unit: Short,
      },
      VIEW_COUNT_SQL,
    ),
    statPanel(
      {
        title: 'Failed to start',
        description: 'Views with a fatal error and no sign of a start ÷ views heard of.',
        unit: PercentUnit,
        decimals: 2,
      },
      metricSql(VIEW_METRICS.startFailureRatio),
    ),
    statPanel(
      { title: 'Stall ratio', description: STALL_RATIO, unit: PercentUnit, decimals: 2 },
      metricSql(VIEW_METRICS.stallRatio),
    ),
    statPanel(
      {
        title: 'Start-up, median',
        description: 'Time to the first frame of started views.',
        unit: Milliseconds,
        decimals: 0,
      },
      STARTUP_MEDIAN_SQL,
    ),
    statPanel(
      { title: 'Seen quality', description: SEEN_QUALITY, unit: Short, decimals: 1 },
      metricSql(VIEW_METRICS.seenQuality),
    ),
    statPanel({ title: 'Bitrate', description: BITRATE, unit: KilobitsPerSecond }, metricSql(VIEW_METRICS.bitrateKbps)),
    ...shares(),
    statPanel(
      {
        title: 'Dropped frames an hour',
        description: 'Frames dropped ÷ hours played. Players that do not report them count as dropping none.',
        unit: Short,
        decimals: 1,
      },
      metricSql(VIEW_METRICS.droppedFramesPerHour),
    ),
  ];
}

function shares(): Builder<Panel>[] {
  const share = (title: string, description: string, metric: ViewMetric) =>
    statPanel({ title, description, unit: PercentUnit, decimals: 2 }, metricSql(metric));
  return [
    share(
      'Left before start',
      'EBVS: views that neither started nor failed ÷ views heard of; a view still loading counts until it starts.',
      VIEW_METRICS.exitBeforeStartRatio,
    ),
    share(
      'Playback failures',
      'CTA-2066: views with a fatal error, before or after the first frame ÷ views heard of.',
      VIEW_METRICS.playbackFailureRatio,
    ),
    share(
      'Views that stalled',
      'Started views with a stall that no seeking caused ÷ started views.',
      VIEW_METRICS.stalledViewRatio,
    ),
    share('Time upscaled', `Time on renditions lower than the viewport. ${VIEWPORT}`, VIEW_METRICS.upscaledTimeRatio),
    share(
      'Time downscaled',
      `Time on renditions higher than the viewport: bits nobody sees. ${VIEWPORT}`,
      VIEW_METRICS.downscaledTimeRatio,
    ),
  ];
}

function lines(): Builder<Panel>[] {
  return [
    clickHouseSeriesPanel(
      {
        title: 'Views by class',
        description:
          'Started; failed to start (fatal error first); left before start (heard of, neither started nor failed); unobserved (decided and never heard of, which includes views of the last minutes).',
        unit: Short,
      },
      VIEWS_BY_CLASS_SQL,
      { stacking: StackingMode.Normal },
    ),
    clickHouseSeriesPanel(
      { title: 'Stall ratio by region and device', description: `${STALL_RATIO} ${BUSIEST}`, unit: PercentUnit },
      metricByPlaceSql(VIEW_METRICS.stallRatio),
    ),
    clickHouseSeriesPanel(
      {
        title: 'Start-up time',
        description: 'Time to the first frame: median and 95th percentile of started views.',
        unit: Milliseconds,
      },
      STARTUP_QUANTILES_SQL,
    ),
    clickHouseSeriesPanel(
      { title: 'Seen quality by region and device', description: `${SEEN_QUALITY} ${BUSIEST}`, unit: Short },
      metricByPlaceSql(VIEW_METRICS.seenQuality),
      { max: 100 },
    ),
    clickHouseSeriesPanel(
      { title: 'Bitrate by region and device', description: `${BITRATE} ${BUSIEST}`, unit: KilobitsPerSecond },
      metricByPlaceSql(VIEW_METRICS.bitrateKbps),
    ),
    clickHouseSeriesPanel(
      {
        title: 'Failed to start by region and device',
        description: `Failed starts ÷ views heard of. ${BUSIEST}`,
        unit: PercentUnit,
      },
      metricByPlaceSql(VIEW_METRICS.startFailureRatio),
    ),
    clickHouseSeriesPanel(
      {
        title: 'Playing time by height',
        description: 'Share of playing time by height of rendition; what was not decided here has no known height.',
        unit: Seconds,
      },
      PLAYED_BY_HEIGHT_SQL,
      { stacking: StackingMode.Percent },
    ),
    clickHouseSeriesPanel(
      { title: 'Scaling to the viewport', description: `Shares of playing time. ${VIEWPORT}`, unit: PercentUnit },
      metricsOverTimeSql({
        upscaled: VIEW_METRICS.upscaledTimeRatio,
        downscaled: VIEW_METRICS.downscaledTimeRatio,
      }),
    ),
    clickHouseSeriesPanel(
      {
        title: 'Views that did not go well',
        description: 'Failed to start and left before start, of views heard of; stalled, of started views.',
        unit: PercentUnit,
      },
      metricsOverTimeSql({
        'failed to start': VIEW_METRICS.startFailureRatio,
        'left before start': VIEW_METRICS.exitBeforeStartRatio,
        stalled: VIEW_METRICS.stalledViewRatio,
      }),
    ),
  ];
}
