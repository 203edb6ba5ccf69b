import { Counter, Gauge, type Registry } from 'prom-client';
import type { Effect } from '../policy/clustered-effect.ts';
import type { EffectsReport } from '../policy/effects-report.ts';

/** Where the gauges come from, asked at every scrape. */
export type GaugeSources = {
  /** `oldestSeconds`: since the last row of the oldest segment that waits, 0 while none does. */
  spools(): readonly { spool: string; bytes: number; waiting: number; oldestSeconds: number }[];
  /** Jobs per queue and state (waiting, active, delayed, failed, …). May fail or hang with Redis. */
  jobs(): Promise<readonly { queue: string; state: string; count: number }[]>;
  policy(): {
    configVersion: number;
    allocationVersion: number;
    trial: { configVersion: number; share: number } | null;
    /** Arms that are out of a context, by why; and arms that a check found wrong. */
    guarded: readonly { guard: string; count: number }[];
    suspicions: readonly { check: string; count: number }[];
  };
  feedClients(): number;
  /** The encoders of each host with a worker. May fail or hang with Redis. */
  encoding(): Promise<readonly EncodingStatus[]>;
  /** Events of the last hours that are neither stored nor known to be anywhere else. May fail with ClickHouse. */
  unaccounted(): Promise<number>;
  /** Effects of the last four weeks; null while there are none to tell. May fail with ClickHouse. */
  effects(): Promise<Pick<EffectsReport, 'encoding' | 'playTime' | 'audience'> | null>;
};

/** How encoding goes on one host: shares of the machine, and ffmpegs. */
type EncodingStatus = {
  host: string;
  /** 1: full speed; 0: paused. */
  level: number;
  own: number;
  others: number;
  running: number;
  waiting: number;
};

/** A source that takes longer is left out of this scrape; Prometheus gives up on the whole of it after ten. */
const SOURCE_TIMEOUT_MS = 2_000;

type Reading = { labels: Record<string, string>; value: number };

/** Registers a gauge per source. One that fails shows nothing, is counted, and leaves the rest of the scrape alone. */
export function exposeGauges(registry: Registry, sources: GaugeSources, timeoutMs = SOURCE_TIMEOUT_MS): void {
  const failures = new Counter({
    name: 'nara_gauge_failures_total',
    help: 'Scrapes in which a gauge could not be read in time, by gauge.',
    labelNames: ['gauge'],
    registers: [registry],
  });

  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    read: () => readonly Reading[] | Promise<readonly Reading[]>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        try {
          const readings = await within(timeoutMs, read);
          this.reset();
          for (const { labels, value } of readings) this.set(labels, value);
        } catch {
          // A rejected collect would fail the whole scrape.
          this.reset();
          if (labelNames.length === 0) this.remove({});
          failures.inc({ gauge: name });
        }
      },
    });

  gauge('nara_spool_bytes', 'Bytes accepted but not yet in ClickHouse, on local disk.', ['spool'], () =>
    sources.spools().map(({ spool, bytes }) => ({ labels: { spool }, value: bytes })),
  );
  gauge('nara_spool_segments_waiting', 'Sealed spool segments waiting to be shipped.', ['spool'], () =>
    sources.spools().map(({ spool, waiting }) => ({ labels: { spool }, value: waiting })),
  );
  gauge('nara_spool_oldest_seconds', 'Age of the oldest spool segment that is not in ClickHouse yet.', ['spool'], () =>
    sources.spools().map(({ spool, oldestSeconds }) => ({ labels: { spool }, value: oldestSeconds })),
  );
  gauge('nara_jobs', 'Jobs of the worker queues, by state.', ['queue', 'state'], async () =>
    (await sources.jobs()).map(({ queue, state, count }) => ({ labels: { queue, state }, value: count })),
  );
  gauge(
    'nara_encode_pace_ratio',
    'Share of its time that encoding may run, by host; 0 is a pause.',
    ['host'],
    async () => (await sources.encoding()).map(({ host, level }) => ({ labels: { host }, value: level })),
  );
  gauge('nara_encode_cpu_ratio', 'Share of the machine, by host and by who takes it.', ['host', 'by'], async () =>
    (await sources.encoding()).flatMap(({ host, own, others }) => [
      { labels: { host, by: 'encoding' }, value: own },
      { labels: { host, by: 'others' }, value: others },
    ]),
  );
  gauge('nara_encode_processes', 'ffmpegs that run or wait for a slot, by host.', ['host', 'state'], async () =>
    (await sources.encoding()).flatMap(({ host, running, waiting }) => [
      { labels: { host, state: 'running' }, value: running },
      { labels: { host, state: 'waiting' }, value: waiting },
    ]),
  );
  gauge('nara_policy_config_version', 'Policy config that this process decides by.', [], () => [
    { labels: {}, value: sources.policy().configVersion },
  ]);
  gauge('nara_policy_allocation_version', 'Allocation that this process decides by.', [], () => [
    { labels: {}, value: sources.policy().allocationVersion },
  ]);
  gauge(
    'nara_policy_trial_config_version',
    'Config on trial that some views are decided by; 0 when there is none.',
    [],
    () => [{ labels: {}, value: sources.policy().trial?.configVersion ?? 0 }],
  );
  gauge('nara_policy_trial_share_ratio', 'Share of new views that the config on trial decides.', [], () => [
    { labels: {}, value: sources.policy().trial?.share ?? 0 },
  ]);
  gauge('nara_policy_guarded_arms', 'Arms that guardrails keep out of a context, by why.', ['guard'], () =>
    sources.policy().guarded.map(({ guard, count }) => ({ labels: { guard }, value: count })),
  );
  gauge(
    'nara_policy_suspect_arms',
    'Arms given otherwise than their propensities say, or whose outcomes go missing unlike the baseline’s, by check.',
    ['check'],
    () => sources.policy().suspicions.map(({ check, count }) => ({ labels: { check }, value: count })),
  );
  gauge(
    'nara_ingest_unaccounted_events',
    'Events received in the last two hours that are nowhere: 0 unless something is wrong.',
    [],
    async () => [{ labels: {}, value: await sources.unaccounted() }],
  );
  gauge(
    'nara_policy_effect_points',
    'Reward that was learned brings a view: of encoding by it (by asset) and of offering by it (by view), with its 95 % interval.',
    ['of', 'bound'],
    async () => {
      const effects = await sources.effects();
      return [
        ...effectReadings('encoding', effects?.encoding.effects.reward),
        ...effectReadings('play-time', effects?.playTime.effects.reward),
      ];
    },
  );
  gauge(
    'nara_audience_prediction_error_ratio',
    'Share of views that came from elsewhere than predicted when their asset was planned; `chance`: were predictions exact.',
    ['level', 'kind'],
    async () =>
      ((await sources.effects())?.audience ?? []).flatMap(({ level, error, chance }) => [
        ...(error.value === null ? [] : [{ labels: { level, kind: 'measured' }, value: error.value }]),
        ...(chance === null ? [] : [{ labels: { level, kind: 'chance' }, value: chance }]),
      ]),
  );
  gauge('nara_feed_clients', 'Open WebSocket connections of the feed.', [], () => [
    { labels: {}, value: sources.feedClients() },
  ]);
}

function effectReadings(of: string, effect: Effect | undefined): Reading[] {
  const bounds = { value: effect?.value, low: effect?.ci95?.[0], high: effect?.ci95?.[1] };
  return Object.entries(bounds).flatMap(([bound, value]) =>
    value === null || value === undefined ? [] : [{ labels: { of, bound }, value }],
  );
}

async function within<T>(timeoutMs: number, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not read within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
