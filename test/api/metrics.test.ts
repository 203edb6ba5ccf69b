import { describe, expect, it } from 'vitest';
import { createMetrics, type Metrics } from '../../src/api/metrics.ts';
import { exposeGauges, type GaugeSources } from '../../src/api/observed-gauges.ts';

const SOURCES: GaugeSources = {
  spools: () => [
    { spool: 'events', bytes: 2048, waiting: 2, oldestSeconds: 7 },
    { spool: 'decisions', bytes: 0, waiting: 0, oldestSeconds: 0 },
  ],
  jobs: async () => [{ queue: 'media', state: 'waiting', count: 4 }],
  policy: () => ({
    configVersion: 3,
    allocationVersion: 17,
    trial: { configVersion: 4, share: 0.05 },
    guarded: [
      { guard: 'harm', count: 0 },
      { guard: 'stall', count: 2 },
    ],
    suspicions: [{ check: 'sample-ratio', count: 1 }],
  }),
  encoding: async () => [{ host: 'vm', level: 0.5, own: 0.3, others: 0.2, running: 2, waiting: 1 }],
  feedClients: () => 5,
  unaccounted: async () => 0,
  effects: async () => null,
};

/** The value of one series, or null when there is none. */
async function sampleOf(metrics: Metrics, series: string): Promise<number | null> {
  const { text } = await metrics.render();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

describe('metrics', () => {
  it('count events of a batch by what became of them', async () => {
    const metrics = createMetrics();
    metrics.ingested({ accepted: 20, duplicates: 3, rejected: [{ code: 'event.invalid' }] }, 0.004);
    metrics.ingested({ accepted: 5, duplicates: 0, rejected: [] }, 0.002);
    expect(await sampleOf(metrics, 'nara_ingest_events_total{result="accepted"}')).toBe(25);
    expect(await sampleOf(metrics, 'nara_ingest_events_total{result="duplicate"}')).toBe(3);
    expect(await sampleOf(metrics, 'nara_ingest_events_total{result="rejected"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_ingest_batch_seconds_count')).toBe(2);
    expect(await sampleOf(metrics, 'nara_ingest_refused_total{code="event.invalid"}')).toBe(1);
  });

  it('count shipped rows once, and none of a dead-lettered segment', async () => {
    const metrics = createMetrics();
    metrics.shipped({ spool: 'events', result: 'applied', rows: 100 });
    metrics.shipped({ spool: 'events', result: 'already-there', rows: 10 });
    metrics.shipped({ spool: 'events', result: 'dead-lettered', rows: 7 });
    expect(await sampleOf(metrics, 'nara_shipped_rows_total{spool="events"}')).toBe(110);
    expect(await sampleOf(metrics, 'nara_shipped_segments_total{spool="events",result="dead-lettered"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_shipped_rows_total{spool="decisions"}')).toBe(0);
  });

  it('know requests by method, route and status', async () => {
    const metrics = createMetrics();
    metrics.httpRequest({ method: 'GET', route: '/v1/assets/:assetId', status: 404, seconds: 0.02 });
    const labels = 'method="GET",route="/v1/assets/:assetId",status="404"';
    expect(await sampleOf(metrics, `nara_http_request_seconds_count{${labels}}`)).toBe(1);
    expect(await sampleOf(metrics, `nara_http_request_seconds_bucket{le="0.025",${labels}}`)).toBe(1);
    expect(await sampleOf(metrics, `nara_http_request_seconds_bucket{le="0.01",${labels}}`)).toBe(0);
  });

  it('observe a completion time only for assets that were completed', async () => {
    const metrics = createMetrics();
    metrics.assetPlayable(3);
    metrics.assetFinished({ result: 'complete', seconds: 20 });
    metrics.assetFinished({ result: 'failed' });
    expect(await sampleOf(metrics, 'nara_assets_finished_total{result="complete"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_assets_finished_total{result="failed"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_asset_complete_seconds_count')).toBe(1);
    expect(await sampleOf(metrics, 'nara_asset_playable_seconds_bucket{le="2"}')).toBe(0);
    expect(await sampleOf(metrics, 'nara_asset_playable_seconds_bucket{le="4"}')).toBe(1);
  });

  it('count an upload whose rate nobody measured without inventing a rate', async () => {
    const metrics = createMetrics();
    metrics.uploadFinished({ kbps: 3_000 });
    metrics.uploadFinished({ kbps: null });
    metrics.uploadAbandoned();
    metrics.uploadHeld(1_500);
    metrics.uploadHeld(500);
    expect(await sampleOf(metrics, 'nara_uploads_total{result="finished"}')).toBe(2);
    expect(await sampleOf(metrics, 'nara_uploads_total{result="abandoned"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_upload_kbps_count')).toBe(1);
    expect(await sampleOf(metrics, 'nara_upload_held_seconds_total')).toBe(2);
  });

  it('count decisions by reason and evidence', async () => {
    const metrics = createMetrics();
    metrics.decided({ reason: 'learned', level: 'cell' });
    metrics.decided({ reason: 'learned', level: 'cell' });
    expect(await sampleOf(metrics, 'nara_decisions_total{reason="learned",level="cell"}')).toBe(2);
  });

  it('read gauges from their sources at every scrape', async () => {
    const metrics = createMetrics();
    let clients = 1;
    metrics.observeGauges({ ...SOURCES, feedClients: () => clients });
    expect(await sampleOf(metrics, 'nara_feed_clients')).toBe(1);
    clients = 9;
    expect(await sampleOf(metrics, 'nara_feed_clients')).toBe(9);
    expect(await sampleOf(metrics, 'nara_spool_bytes{spool="events"}')).toBe(2048);
    expect(await sampleOf(metrics, 'nara_spool_segments_waiting{spool="events"}')).toBe(2);
    expect(await sampleOf(metrics, 'nara_spool_oldest_seconds{spool="events"}')).toBe(7);
    expect(await sampleOf(metrics, 'nara_jobs{queue="media",state="waiting"}')).toBe(4);
    expect(await sampleOf(metrics, 'nara_encode_pace_ratio{host="vm"}')).toBe(0.5);
    expect(await sampleOf(metrics, 'nara_encode_cpu_ratio{host="vm",by="others"}')).toBe(0.2);
    expect(await sampleOf(metrics, 'nara_encode_processes{host="vm",state="waiting"}')).toBe(1);
    expect(await sampleOf(metrics, 'nara_policy_config_version')).toBe(3);
    expect(await sampleOf(metrics, 'nara_policy_allocation_version')).toBe(17);
    expect(await sampleOf(metrics, 'nara_policy_trial_config_version')).toBe(4);
    expect(await sampleOf(metrics, 'nara_policy_trial_share_ratio')).toBe(0.05);
    expect(await sampleOf(metrics, 'nara_policy_guarded_arms{guard="stall"}')).toBe(2);
    expect(await sampleOf(metrics, 'nara_policy_suspect_arms{check="sample-ratio"}')).toBe(1);
  });

  it('leave out a queue that has gone since the last scrape', async () => {
    const metrics = createMetrics();
    let queues = ['media', 'learn'];
    metrics.observeGauges({
      ...SOURCES,
      jobs: async () => queues.map((queue) => ({ queue, state: 'active', count: 1 })),
    });
    expect(await sampleOf(metrics, 'nara_jobs{queue="learn",state="active"}')).toBe(1);
    queues = ['media'];
    expect(await sampleOf(metrics, 'nara_jobs{queue="learn",state="active"}')).toBeNull();
  });

  it('still answer when a source fails or says nonsense, and count that it did', async () => {
    const metrics = createMetrics();
    metrics.observeGauges({
      ...SOURCES,
      jobs: () => Promise.reject(new Error('Redis is away')),
      policy: () => ({
        configVersion: 3,
        allocationVersion: undefined as unknown as number,
        trial: null,
        guarded: [],
        suspicions: [],
      }),
    });
    expect(await sampleOf(metrics, 'nara_feed_clients')).toBe(5);
    expect(await sampleOf(metrics, 'nara_jobs{queue="media",state="waiting"}')).toBeNull();
    expect(await sampleOf(metrics, 'nara_policy_config_version')).toBe(3);
    expect(await sampleOf(metrics, 'nara_policy_allocation_version')).toBeNull();
    expect(await sampleOf(metrics, 'nara_gauge_failures_total{gauge="nara_jobs"}')).toBeGreaterThanOrEqual(1);
  });

  it('still answer when a source never does', async () => {
    const metrics = createMetrics();
    exposeGauges(metrics.registry, { ...SOURCES, jobs: () => new Promise(() => {}) }, 10);
    expect(await sampleOf(metrics, 'nara_feed_clients')).toBe(5);
    expect(await sampleOf(metrics, 'nara_gauge_failures_total{gauge="nara_jobs"}')).toBe(1);
  });

  it('share nothing between two registries', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.uploadAbandoned();
    expect(await sampleOf(other, 'nara_uploads_total{result="abandoned"}')).toBe(0);
  });

  it('have only labels with few values', async () => {
    const metrics = createMetrics();
    metrics.observeGauges({
      ...SOURCES,
      feedClients: () => {
        throw new Error('so that there is a failure to count');
      },
    });
    metrics.httpRequest({ method: 'GET', route: '/healthz', status: 200, seconds: 0.001 });
    metrics.decided({ reason: 'explore', level: 'global' });
    await metrics.render();
    const { text } = await metrics.render();
    const labels = [...text.matchAll(/^nara_\w+\{(.*)\}/gm)].flatMap(([, inside = '']) =>
      [...inside.matchAll(/(\w+)="/g)].map(([, name]) => name),
    );
    expect([...new Set(labels)].sort()).toEqual([
      'by',
      'check',
      'code',
      'gauge',
      'guard',
      'host',
      'le',
      'level',
      'method',
      'queue',
      'reason',
      'result',
      'route',
      'spool',
      'state',
      'status',
    ]);
  });
});
