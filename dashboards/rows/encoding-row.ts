import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PercentUnit } from '@grafana/grafana-foundation-sdk/units';
import { prometheusSeriesPanel } from '../panel.ts';

const POINTS = 'suffix: points';
const READING = 'Over four weeks, read every ten minutes; an interval that includes 0 has not decided anything.';

// Every API process reads the same database.
const effect = (of: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ difference: 'value', '95 % from': 'low', '95 % to': 'high' }).map(([legend, bound]) => [
      legend,
      `max(nara_policy_effect_points{of="${of}", bound="${bound}"})`,
    ]),
  );

/** *Encoding by what was learned*: its effect apart from that of play time, and what its plans rest on. */
export function encodingRow(): Builder<Panel>[] {
  return [
    prometheusSeriesPanel(
      {
        title: 'Effect of encoding, reward',
        description: `Views of assets with learned plans − views of held-out assets, randomised by asset; wider of the intervals by asset and by owner. ${READING}`,
        unit: POINTS,
      },
      effect('encoding'),
      { min: null },
    ),
    prometheusSeriesPanel(
      {
        title: 'Effect of play time, reward',
        description: `Views of panel assets given another ladder − those given the baseline’s, randomised by view. ${READING}`,
        unit: POINTS,
      },
      effect('play-time'),
      { min: null },
    ),
    prometheusSeriesPanel(
      {
        title: 'Audience predicted wrongly',
        description:
          'Share of views that came from another region or device than predicted when their asset was planned, mean over assets; beside it what chance alone would make of exact predictions.',
        unit: PercentUnit,
      },
      { '{{level}} {{kind}}': 'max by (level, kind) (nara_audience_prediction_error_ratio)' },
    ),
  ];
}
