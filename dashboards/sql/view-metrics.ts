import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { rewardSql, SCORABLE_SQL } from '../../src/telemetry/view-components.ts';

/** A metric as Σ numerator ÷ Σ denominator over the rows of `scored_views` where `of` holds, as `/v1/qoe` defines it. */
export type ViewMetric = { numerator: string; denominator: string; of: string };

// Dashboards cannot ask which weights are in force; an operator who changes them generates the dashboards anew.
const { reward } = defaultConfig({ createdAt: new Date(0).toISOString() });

export const VIEW_METRICS = {
  stallRatio: { numerator: 'stalled_ms', denominator: 'played_ms + stalled_ms', of: "class = 'started'" },
  seenQuality: { numerator: 'quality_ms', denominator: 'known_rung_ms', of: SCORABLE_SQL },
  bitrateKbps: {
    numerator: 'delivered_kbit * 1000',
    denominator: 'played_ms',
    of: "class = 'started' AND played_ms > 0",
  },
  reward: { numerator: rewardSql(reward), denominator: '1', of: SCORABLE_SQL },
  startFailureRatio: { numerator: "class = 'failedToStart'", denominator: '1', of: 'is_heard' },
} as const satisfies Record<string, ViewMetric>;

/** The reader's time range, regions and devices. */
export const IN_SCOPE = `$__timeFilter(view_at)
  AND $__conditionalAll(region IN (\${region:singlequote}), $region)
  AND $__conditionalAll(device IN (\${device:singlequote}), $device)`;
