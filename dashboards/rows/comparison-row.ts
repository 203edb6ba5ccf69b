import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { StackingMode } from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { KilobitsPerSecond, PercentUnit, Short } from '@grafana/grafana-foundation-sdk/units';
import { clickHouseSeriesPanel, tablePanel } from '../panel.ts';
import { comparisonOverTimeSql, comparisonSql } from '../sql/comparison-sql.ts';
import { VIEW_METRICS } from '../sql/view-metrics.ts';
import { ARM_SHARES_SQL } from '../sql/view-sql.ts';

const COUNTS = { 'baseline views': Short, 'other views': Short };
const POINTS = 'suffix: points';
const REWARD = 'Reward of the default weights, in points of seen quality.';

const READING =
  'Randomised, finished views only; each counts for 1 ÷ the probability its side had at its decision, so that a changing allocation does not bias the comparison. An interval that includes 0 has not decided anything. Empty until both sides have views.';

/** *Learned against held baseline*: what learning changed, against views that chance gave the baseline. */
export function comparisonRow(): Builder<Panel>[] {
  return [
    clickHouseSeriesPanel(
      { title: 'Arms given', description: 'Share of decided views by ladder family.', unit: Short },
      ARM_SHARES_SQL,
      {
        stacking: StackingMode.Percent,
      },
    ),
    clickHouseSeriesPanel(
      { title: 'Reward, held baseline and other arms', description: `${REWARD} ${READING}`, unit: POINTS },
      comparisonOverTimeSql(VIEW_METRICS.reward),
      { min: null },
    ),
    clickHouseSeriesPanel(
      {
        title: 'Stall ratio, held baseline and other arms',
        description: `Stalled ÷ (played + stalled). ${READING}`,
        unit: PercentUnit,
      },
      comparisonOverTimeSql(VIEW_METRICS.stallRatio),
    ),
    tablePanel(
      { title: 'Reward by context', description: `${REWARD} More is better. ${READING}`, unit: POINTS, decimals: 2 },
      comparisonSql(VIEW_METRICS.reward),
      COUNTS,
    ),
    tablePanel(
      {
        title: 'Stall ratio by context',
        description: `Stalled ÷ (played + stalled). Less is better. ${READING}`,
        unit: PercentUnit,
        decimals: 3,
      },
      comparisonSql(VIEW_METRICS.stallRatio),
      COUNTS,
    ),
    tablePanel(
      {
        title: 'Seen quality by context',
        description: `Play-time mean of quality on the viewer’s device, 0–100, capped at 95. More is better. ${READING}`,
        unit: Short,
        decimals: 2,
      },
      comparisonSql(VIEW_METRICS.seenQuality),
      COUNTS,
    ),
    tablePanel(
      {
        title: 'Bitrate by context',
        description: `Delivered bits ÷ media time played. Neither more nor less is better by itself. ${READING}`,
        unit: KilobitsPerSecond,
        decimals: 0,
      },
      comparisonSql(VIEW_METRICS.bitrateKbps),
      COUNTS,
    ),
  ];
}
