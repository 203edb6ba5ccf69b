import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { qoeMetric } from '../../src/telemetry/qoe-metrics.ts';
import { rewardSql, SCORABLE_SQL } from '../../src/telemetry/view-components.ts';

/** A metric as Σ numerator ÷ Σ denominator over the rows of `scored_views` where `of` holds, as `/v1/qoe` defines it. */
export type ViewMetric = { numerator: string; denominator: string; of: string };

// Dashboards cannot ask which weights are in force; an operator who changes them generates the dashboards anew.
const { reward } = defaultConfig({ createdAt: new Date(0).toISOString() });

/** The metrics that the dashboard shows, by their names in `/v1/qoe`. */
export const VIEW_METRICS = {
  stallRatio: qoeMetric('stallRatio'),
  stalledViewRatio: qoeMetric('stalledViewRatio'),
  startFailureRatio: qoeMetric('startFailureRatio'),
  exitBeforeStartRatio: qoeMetric('exitBeforeStartRatio'),
  playbackFailureRatio: qoeMetric('playbackFailureRatio'),
  seenQuality: qoeMetric('seenQuality'),
  bitrateKbps: qoeMetric('bitrateKbps'),
  upscaledTimeRatio: qoeMetric('upscaledTimeRatio'),
  downscaledTimeRatio: qoeMetric('downscaledTimeRatio'),
  droppedFramesPerHour: qoeMetric('droppedFramesPerHour'),
  reward: { numerator: rewardSql(reward), denominator: '1', of: SCORABLE_SQL },
} as const satisfies Record<string, ViewMetric>;

/** The reader's time range, regions and devices. */
export const IN_SCOPE = `$__timeFilter(view_at)
  AND $__conditionalAll(region IN (\${region:singlequote}), $region)
  AND $__conditionalAll(device IN (\${device:singlequote}), $device)`;
