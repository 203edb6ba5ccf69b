import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';
import type { DecisionReason, FallbackLevel } from '../domain/index.ts';
import { REFUSAL_CODES, type RefusalCode } from '../telemetry/refusal.ts';
import { exposeGauges, type GaugeSources } from './observed-gauges.ts';

type SpoolName = 'events' | 'decisions' | 'dead_letters';
type ShippedResult = 'applied' | 'already-there' | 'dead-lettered';

const HTTP_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const INGEST_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Gauges that end in `_total`, which Prometheus keeps for counters; the same numbers exist by type without it. */
const MISNAMED_GAUGES = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** From a short clip on an idle machine to a feature film on a busy one. */
const ASSET_BUCKETS_SECONDS = [0.5, 1, 2, 4, 8, 16, 32, 64, 128];
/** From a 3G phone to a studio's fibre. */
const UPLOAD_BUCKETS_KBPS = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000];

/**
 * What the API process knows of itself, for Prometheus: one registry, one function per thing that happened. Labels are
 * bounded: a route is its pattern, never a path; no session, view, asset or owner is ever a label.
 */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const gauge of MISNAMED_GAUGES) registry.removeSingleMetric(gauge);
  return {
    registry,
    /** Everything as Prometheus text, as `/metrics` sends it. */
    async render(): Promise<{ contentType: string; text: string }> {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    /** Gauges that are read from these sources whenever somebody looks. Call once. */
    observeGauges: (sources: GaugeSources): void => exposeGauges(registry, sources),
    ...httpMetrics(registry),
    ...telemetryMetrics(registry),
    ...assetMetrics(registry),
    ...uploadMetrics(registry),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;

function httpMetrics(registry: Registry) {
  const requests = histogram(registry, {
    name: 'nara_http_request_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer, by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_BUCKETS_SECONDS,
  });
  // Looking a series up by its labels costs more than the rest of a small request's accounting.
  const series = new Map<string, Histogram.Internal<'method' | 'route' | 'status'>>();
  return {
    httpRequest({
      method,
      route,
      status,
      seconds,
    }: {
      method: string;
      route: string;
      status: number;
      seconds: number;
    }) {
      const key = `${method} ${route} ${status}`;
      const known = series.get(key) ?? requests.labels({ method, route, status });
      series.set(key, known);
      known.observe(seconds);
    },
  };
}

function telemetryMetrics(registry: Registry) {
  // Looking a series up by its labels costs more than counting a small batch: that is done when somebody reads them.
  const counted = { accepted: 0, duplicate: 0, rejected: 0 };
  counter(registry, {
    name: 'nara_ingest_events_total',
    help: 'Telemetry events received, by what became of them.',
    labelNames: ['result'],
    collect() {
      this.reset();
      for (const [result, events] of Object.entries(counted)) this.inc({ result }, events);
    },
  });
  const batches = histogram(registry, {
    name: 'nara_ingest_batch_seconds',
    help: 'Time to validate a batch of events and have it on disk.',
    buckets: INGEST_BUCKETS_SECONDS,
  });
  const rows = counter(registry, {
    name: 'nara_shipped_rows_total',
    help: 'Spooled rows that are in ClickHouse, each counted once.',
    labelNames: ['spool'],
  });
  const segments = counter(registry, {
    name: 'nara_shipped_segments_total',
    help: 'Spool segments dealt with: applied, found to be there already, or set aside because ClickHouse refused them.',
    labelNames: ['spool', 'result'],
  });
  const decisions = counter(registry, {
    name: 'nara_decisions_total',
    help: 'Views answered with a decision, new or standing, by reason and by how specific the evidence was.',
    labelNames: ['reason', 'level'],
  });
  const refused = counter(registry, {
    name: 'nara_ingest_refused_total',
    help: 'Telemetry that was not stored as events, by the reason its dead letter gives.',
    labelNames: ['code'],
  });
  const lost = counter(registry, {
    name: 'nara_dead_letters_lost_total',
    help: 'Refused telemetry that could not be kept as a dead letter either, because their spool was full.',
  });
  startAtZero(
    refused,
    REFUSAL_CODES.map((code) => ({ code })),
  );
  const spools: SpoolName[] = ['events', 'decisions', 'dead_letters'];
  const results: ShippedResult[] = ['applied', 'already-there', 'dead-lettered'];
  startAtZero(
    rows,
    spools.map((spool) => ({ spool })),
  );
  startAtZero(
    segments,
    spools.flatMap((spool) => results.map((result) => ({ spool, result }))),
  );

  return {
    /** One batch that was answered with 202. */
    ingested(
      batch: { accepted: number; duplicates: number; rejected: readonly { code: RefusalCode }[] },
      seconds: number,
    ): void {
      counted.accepted += batch.accepted;
      counted.duplicate += batch.duplicates;
      counted.rejected += batch.rejected.length;
      for (const { code } of batch.rejected) refused.inc({ code });
      batches.observe(seconds);
    },
    deadLettersLost: (count: number): void => lost.inc(count),
    /** One segment. */
    shipped(segment: { spool: SpoolName; result: ShippedResult; rows: number }): void {
      segments.inc({ spool: segment.spool, result: segment.result });
      if (segment.result !== 'dead-lettered') rows.inc({ spool: segment.spool }, segment.rows);
    },
    /** One view that was answered with a decision. */
    decided: (decision: { reason: DecisionReason; level: FallbackLevel }): void => decisions.inc({ ...decision }),
  };
}

function assetMetrics(registry: Registry) {
  const playable = histogram(registry, {
    name: 'nara_asset_playable_seconds',
    help: 'From the last byte of an upload to the first rendition people can play.',
    buckets: ASSET_BUCKETS_SECONDS,
  });
  const complete = histogram(registry, {
    name: 'nara_asset_complete_seconds',
    help: 'From the last byte of an upload to all planned renditions.',
    buckets: ASSET_BUCKETS_SECONDS,
  });
  const finished = counter(registry, {
    name: 'nara_assets_finished_total',
    help: 'Assets whose encoding ended, by how.',
    labelNames: ['result'],
  });
  startAtZero(
    finished,
    ['complete', 'failed'].map((result) => ({ result })),
  );
  return {
    /** Once per asset. */
    assetPlayable: (seconds: number): void => playable.observe(seconds),
    /** Once per asset; a failed one has no completion time. */
    assetFinished(asset: { result: 'complete'; seconds: number } | { result: 'failed'; seconds?: number }): void {
      finished.inc({ result: asset.result });
      if (asset.result === 'complete') complete.observe(asset.seconds);
    },
  };
}

function uploadMetrics(registry: Registry) {
  const uploads = counter(registry, {
    name: 'nara_uploads_total',
    help: 'Uploads that ended: all bytes arrived, or the uploader took it back.',
    labelNames: ['result'],
  });
  const kbps = histogram(registry, {
    name: 'nara_upload_kbps',
    help: 'Rate at which a finished upload came in, pauses left out, kbit/s.',
    buckets: UPLOAD_BUCKETS_KBPS,
  });
  const reports = counter(registry, {
    name: 'nara_upload_reports_total',
    help: 'What the upload server told telemetry of uploads, by whether it was stored; lost reports are not sent again.',
    labelNames: ['result'],
  });
  const held = counter(registry, {
    name: 'nara_upload_held_seconds_total',
    help: 'How long uploaders were made to wait so that others keep their share of the line (NARA_UPLINK_KBPS), over all uploads.',
  });
  startAtZero(
    uploads,
    ['finished', 'abandoned'].map((result) => ({ result })),
  );
  startAtZero(
    reports,
    ['stored', 'lost'].map((result) => ({ result })),
  );
  return {
    uploadReported: (result: 'stored' | 'lost'): void => reports.inc({ result }),
    /** `kbps` is null where nothing was measured, as for an upload that outlived a restart. */
    uploadFinished(upload: { kbps: number | null }): void {
      uploads.inc({ result: 'finished' });
      if (upload.kbps !== null) kbps.observe(upload.kbps);
    },
    uploadAbandoned: (): void => uploads.inc({ result: 'abandoned' }),
    uploadHeld: (heldMs: number): void => held.inc(heldMs / 1000),
  };
}

function counter<Label extends string>(registry: Registry, options: CounterConfiguration<Label>): Counter<Label> {
  return new Counter({ ...options, registers: [registry] });
}

function histogram<Label extends string>(registry: Registry, options: HistogramConfiguration<Label>): Histogram<Label> {
  return new Histogram({ ...options, registers: [registry] });
}

/** A series that begins at its first event hides that event from `rate`: known label sets exist from the start. */
function startAtZero<Label extends string>(
  of: Counter<Label>,
  labelSets: readonly Partial<Record<Label, string>>[],
): void {
  for (const labels of labelSets) of.inc(labels, 0);
}
