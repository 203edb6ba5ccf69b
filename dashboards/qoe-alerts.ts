import { MIN_PLAYS } from '../src/telemetry/qoe-intervals.ts';
import { qoeMetric } from '../src/telemetry/qoe-metrics.ts';
import { clickHouseQuery } from './clickhouse-query.ts';
import type { ViewMetric } from './sql/view-metrics.ts';

/** When a place is worth waking somebody for: a metric above its threshold for a while, over enough plays. */
type QoeAlert = {
  uid: string;
  title: string;
  metric: ViewMetric;
  above: number;
  severity: 'warning' | 'critical';
  summary: string;
  action: string;
};

/** Looked at over this long, every few minutes. */
const WINDOW_SECONDS = 1800;
/** Rules cannot follow a reader's choice of data source. */
const DATA_SOURCE = 'nara-clickhouse';

export const QOE_ALERTS: readonly QoeAlert[] = [
  {
    uid: 'nara-start-failures',
    title: 'NARA: views fail to start',
    metric: qoeMetric('startFailureRatio'),
    above: 0.05,
    severity: 'critical',
    summary:
      '{{ humanizePercentage $values.A.Value }} of views in {{ $labels.region }} on {{ $labels.device }} fail to start.',
    action: 'The error codes are in view_outcomes.error_code; one code on one device is a player, many are delivery.',
  },
  {
    uid: 'nara-playback-failures',
    title: 'NARA: playback fails',
    metric: qoeMetric('playbackFailureRatio'),
    above: 0.1,
    severity: 'critical',
    summary:
      '{{ humanizePercentage $values.A.Value }} of views in {{ $labels.region }} on {{ $labels.device }} end in an error.',
    action: 'Compare with views that fail to start: errors after the start point at renditions or at the network.',
  },
  {
    uid: 'nara-stalls',
    title: 'NARA: views stall',
    metric: qoeMetric('stallRatio'),
    above: 0.05,
    severity: 'warning',
    summary:
      '{{ humanizePercentage $values.A.Value }} of viewing time in {{ $labels.region }} on {{ $labels.device }} is stalled.',
    action:
      'If all arms stall alike it is the network or delivery; if one does, the guardrail drops it, and a pin can sooner.',
  },
  {
    uid: 'nara-exits-before-start',
    title: 'NARA: viewers leave before the start',
    metric: qoeMetric('exitBeforeStartRatio'),
    above: 0.3,
    severity: 'warning',
    summary:
      '{{ humanizePercentage $values.A.Value }} of views in {{ $labels.region }} on {{ $labels.device }} are left before the start.',
    action: 'Look at start-up time in the same place.',
  },
];

/** The metric per place, of places with enough plays: too few make no row, and no row makes no alert. */
export function alertSql(metric: ViewMetric): string {
  return `SELECT region, device, sum(${metric.numerator}) / nullIf(sum(${metric.denominator}), 0) AS value
FROM scored_views
WHERE $__timeFilter(view_at)
  AND ${metric.of}
GROUP BY region, device
HAVING count() >= ${MIN_PLAYS}`;
}

/** Grafana's provisioning file of the rules. Grafana fills in `$NAMES` from its environment, so every `$` is doubled. */
export function qoeAlertFile(): object {
  return {
    apiVersion: 1,
    groups: [{ orgId: 1, name: 'NARA-1r QoE', folder: 'NARA', interval: '5m', rules: QOE_ALERTS.map(toRule) }],
  };
}

function toRule(alert: QoeAlert): object {
  const query = clickHouseQuery(literal(alertSql(alert.metric)), 'table').build() as unknown as Record<string, unknown>;
  const { datasource: _chosenByReader, ...model } = JSON.parse(JSON.stringify(query));
  const relativeTimeRange = { from: WINDOW_SECONDS, to: 0 };
  return {
    uid: alert.uid,
    title: alert.title,
    condition: 'B',
    data: [
      { refId: 'A', datasourceUid: DATA_SOURCE, relativeTimeRange, model },
      {
        refId: 'B',
        datasourceUid: '__expr__',
        relativeTimeRange,
        model: {
          refId: 'B',
          type: 'threshold',
          expression: 'A',
          conditions: [{ evaluator: { type: 'gt', params: [alert.above] } }],
        },
      },
    ],
    // Nobody watches at night.
    noDataState: 'OK',
    // NaraDown and NaraNotShipping say so already.
    execErrState: 'KeepLast',
    for: '15m',
    labels: { severity: alert.severity },
    annotations: { summary: literal(alert.summary), action: alert.action },
  };
}

const literal = (text: string): string => text.replaceAll('$', '$$$$');
