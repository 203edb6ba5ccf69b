import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { StackingMode } from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  BytesIEC,
  EventsPerSecond,
  KilobitsPerSecond,
  OpsPerSecond,
  PercentUnit,
  RequestsPerSecond,
  RowsPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';
import { prometheusSeriesPanel } from '../panel.ts';

/** `sum(rate(…))` of a counter or of a histogram's count, by labels. */
const rate = (series: string, by = ''): string =>
  `sum${by === '' ? '' : ` by (${by}) `}(rate(${series}[$__rate_interval]))`;

const quantile = (level: number, histogram: string, by = ''): string =>
  `histogram_quantile(${level}, ${rate(`${histogram}_bucket`, by === '' ? 'le' : `le, ${by}`)})`;

const quantiles = (histogram: string): Record<string, string> => ({
  p50: quantile(0.5, histogram),
  p95: quantile(0.95, histogram),
});

/** *Pipeline*: uploads, encoding, telemetry and the API, from Prometheus. */
export function pipelineRow(): Builder<Panel>[] {
  return [...mediaPanels(), ...telemetryPanels(), ...servingPanels()];
}

function mediaPanels(): Builder<Panel>[] {
  return [
    prometheusSeriesPanel(
      {
        title: 'Time to playable',
        description: 'From the last byte of an upload to its first playable rendition.',
        unit: Seconds,
      },
      quantiles('nara_asset_playable_seconds'),
    ),
    prometheusSeriesPanel(
      {
        title: 'Time to complete',
        description: 'From the last byte of an upload to all of its planned renditions.',
        unit: Seconds,
      },
      quantiles('nara_asset_complete_seconds'),
    ),
    // Every API process sees the same queues: the largest answer is the answer.
    prometheusSeriesPanel(
      { title: 'Jobs', description: 'Jobs of the worker queues by state.', unit: Short },
      { '{{queue}} {{state}}': 'max by (queue, state) (nara_jobs)' },
    ),
    prometheusSeriesPanel(
      { title: 'Assets finished', description: 'Assets whose encoding ended, in each interval.', unit: Short },
      { '{{result}}': 'sum by (result) (increase(nara_assets_finished_total[$__rate_interval]))' },
      { stacking: StackingMode.Normal },
    ),
    prometheusSeriesPanel(
      {
        title: 'Upload rate',
        description: 'Rate at which finished uploads came in, pauses left out.',
        unit: KilobitsPerSecond,
      },
      quantiles('nara_upload_kbps'),
    ),
    prometheusSeriesPanel(
      { title: 'Uploads ended', description: 'Uploads that arrived in full, or were taken back.', unit: OpsPerSecond },
      { '{{result}}': rate('nara_uploads_total', 'result') },
    ),
    prometheusSeriesPanel(
      {
        title: 'Uploads held back',
        description: 'Uploaders waiting at once, on average, so that readers keep their share of the line.',
        unit: Short,
      },
      { uploads: 'sum(rate(nara_upload_held_seconds_total[$__rate_interval]))' },
    ),
  ];
}

function telemetryPanels(): Builder<Panel>[] {
  return [
    prometheusSeriesPanel(
      { title: 'Events received', description: 'Telemetry events by what became of them.', unit: EventsPerSecond },
      { '{{result}}': rate('nara_ingest_events_total', 'result') },
    ),
    prometheusSeriesPanel(
      {
        title: 'Refused, by reason',
        description: 'What was not stored as events; `nara telemetry dead-letters` shows each with its reason.',
        unit: EventsPerSecond,
      },
      { '{{code}}': rate('nara_ingest_refused_total', 'code') },
    ),
    prometheusSeriesPanel(
      {
        title: 'Unaccounted events',
        description: 'Received in the last two hours and nowhere. Anything but 0 is a defect.',
        unit: Short,
      },
      { events: 'max(nara_ingest_unaccounted_events)' },
    ),
    prometheusSeriesPanel(
      {
        title: 'Time to accept a batch',
        description: 'Validate a batch of events and have it on disk.',
        unit: Seconds,
      },
      quantiles('nara_ingest_batch_seconds'),
    ),
    prometheusSeriesPanel(
      {
        title: 'Spooled, not yet in ClickHouse',
        description: 'Bytes on local disk; they grow while ClickHouse is away.',
        unit: BytesIEC,
      },
      { '{{spool}}': 'sum by (spool) (nara_spool_bytes)' },
      { stacking: StackingMode.Normal },
    ),
    prometheusSeriesPanel(
      { title: 'Rows shipped', description: 'Spooled rows that arrived in ClickHouse.', unit: RowsPerSecond },
      { '{{spool}}': rate('nara_shipped_rows_total', 'spool') },
    ),
    prometheusSeriesPanel(
      { title: 'Segments waiting', description: 'Sealed spool segments not shipped yet.', unit: Short },
      { '{{spool}}': 'sum by (spool) (nara_spool_segments_waiting)' },
    ),
    prometheusSeriesPanel(
      {
        title: 'Shipping behind by',
        description:
          'Age of the oldest segment not shipped yet: up to ten seconds while the API is busy, more while ClickHouse is away or slow.',
        unit: Seconds,
      },
      { '{{spool}}': 'max by (spool) (nara_spool_oldest_seconds)' },
    ),
    prometheusSeriesPanel(
      {
        title: 'Segments by result',
        description: 'Dead-lettered segments hold rows that ClickHouse refused; look into each.',
        unit: OpsPerSecond,
      },
      { '{{spool}} {{result}}': rate('nara_shipped_segments_total', 'spool, result') },
    ),
  ];
}

function servingPanels(): Builder<Panel>[] {
  const requests = 'nara_http_request_seconds_count';
  return [
    prometheusSeriesPanel(
      {
        title: 'Decisions by reason',
        description: 'Views answered with a decision, new or standing.',
        unit: OpsPerSecond,
      },
      { '{{reason}}': rate('nara_decisions_total', 'reason') },
      { stacking: StackingMode.Normal },
    ),
    prometheusSeriesPanel(
      {
        title: 'Decisions by evidence',
        description: 'How specific the evidence behind decisions was; cold is none.',
        unit: OpsPerSecond,
      },
      { '{{level}}': rate('nara_decisions_total', 'level') },
      { stacking: StackingMode.Normal },
    ),
    prometheusSeriesPanel(
      {
        title: 'Policy versions',
        description:
          'Numbers of the config and the allocation that decide now, and of the config on trial; the newest of all processes.',
        unit: Short,
      },
      {
        config: 'max(nara_policy_config_version)',
        allocation: 'max(nara_policy_allocation_version)',
        'on trial': 'max(nara_policy_trial_config_version)',
      },
    ),
    prometheusSeriesPanel(
      {
        title: 'Share of the config on trial',
        description:
          'Of new views; it falls to 0 when the trial ends, whether the config came into force or was rolled back.',
        unit: PercentUnit,
      },
      { share: 'max(nara_policy_trial_share_ratio)' },
    ),
    prometheusSeriesPanel(
      { title: 'Requests', description: 'HTTP requests by route.', unit: RequestsPerSecond },
      { '{{method}} {{route}}': rate(requests, 'method, route') },
    ),
    prometheusSeriesPanel(
      {
        title: 'Request time, p95',
        description: '95th percentile from first byte in to last byte out, by route.',
        unit: Seconds,
      },
      { '{{route}}': quantile(0.95, 'nara_http_request_seconds', 'route') },
    ),
    prometheusSeriesPanel(
      { title: 'Server errors', description: 'Requests answered with 5xx ÷ all requests.', unit: PercentUnit },
      // Without any 5xx series the numerator is empty, not zero.
      { 'share of 5xx': `(${rate(`${requests}{status=~"5.."}`)} or vector(0)) / ${rate(requests)}` },
    ),
    prometheusSeriesPanel(
      { title: 'Feed clients', description: 'Open WebSocket connections.', unit: Short },
      { clients: 'sum(nara_feed_clients)' },
    ),
    prometheusSeriesPanel(
      { title: 'Memory', description: 'Resident memory of API processes.', unit: BytesIEC },
      { '{{instance}}': 'process_resident_memory_bytes{job="nara"}' },
    ),
    prometheusSeriesPanel(
      {
        title: 'Event loop delay, p99',
        description: 'How long the API’s one thread was busy with something else.',
        unit: Seconds,
      },
      { '{{instance}}': 'nodejs_eventloop_lag_p99_seconds{job="nara"}' },
    ),
  ];
}
