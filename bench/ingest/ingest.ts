import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KeyStore } from '../../src/api/key-store.ts';
import { startStack } from '../../src/commands/demo/start-stack.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { waitFor } from '../../test/fixtures/wait-for.ts';
import { type Bench, type BenchResult, summarise } from '../report.ts';
import { type Load, saturate, sendSteadily } from './load.ts';

const BARE_SERVER = fileURLToPath(new URL('bare-server.ts', import.meta.url));
const CONNECTIONS = 64;
const BATCHES = [
  { batch: 20, target: 0.6 },
  { batch: 1, target: 0.5 },
] as const;
/** Of its own maximum: where a server should still answer at once, at first while shipping stands back, then where it does not. */
const STEADY_SHARES = [0.6, 0.4] as const;
const MAX_P99_MS = 50;
const MAX_RSS_MB = 300;
const MAX_LAG_MS = 30;
const DRAIN_TIMEOUT_MS = 300_000;
const SHIPPED_EVENTS = 'nara_shipped_rows_total{spool="events"}';
/** A database that takes less than this share of a processor for so long has merged what there was to merge. */
const QUIET_WINDOW_MS = 1_000;
const QUIET_SHARE = 0.1;
/** Linux counts in hundredths of a second. */
const MS_PER_TICK = 10;

/**
 * Durable ingest by the real service, as a client with a telemetry key sees it, every check and limit on, beside a bare server in
 * a process of its own. Both are driven in turn, round by round, each from an idle machine. While it is given as much as it takes,
 * the service puts shipping off for a minute at most, which is longer than a round; with less to accept, it ships meanwhile.
 */
export const ingest: Bench = async ({ quick }) => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-'));
  // All load comes from one address block here, and every view from one second.
  process.env.NARA_BLOCK_EVENTS_PER_SECOND = '10000000';
  // What is accepted here in twenty seconds takes the database minutes to insert: more than the usual budget holds.
  process.env.NARA_SPOOL_MAX_BYTES = String(8 * 1024 ** 3);
  const stack = await startStack({ directory, signal: new AbortController().signal });
  const bare = await startBareServer(join(directory, 'bare.ndjson'));
  const url = new URL(`/v1/telemetry?key=${await makeTelemetryKey(directory)}`, stack.url);
  const rounds = quick ? 2 : 4;
  const seconds = quick ? 2 : 4;
  const results: BenchResult[] = [];
  try {
    for (const { batch, target } of BATCHES) {
      const loads: { nara: Load[]; bare: Load[] } = { nara: [], bare: [] };
      for (let round = 0; round <= rounds; round += 1) {
        loads.bare.push(await saturate({ url: bare.url, batch }, { connections: CONNECTIONS, seconds }));
        loads.nara.push(await saturate({ url, batch }, { connections: CONNECTIONS, seconds }));
        await drained(stack.url, directory);
      }
      results.push(compare(batch, target, { nara: loads.nara.slice(1), bare: loads.bare.slice(1) }));
    }
    const maximum = results[0]?.value ?? 0;
    for (const share of STEADY_SHARES) {
      results.push(...(await measureSteadily(directory, stack.url, { url, share, maximum, seconds: quick ? 5 : 20 })));
    }
  } finally {
    await bare.stop();
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  }
  return results;
};

function compare(batch: number, target: number, loads: { nara: Load[]; bare: Load[] }): BenchResult {
  const nara = summarise(loads.nara.map(({ eventsPerSecond }) => eventsPerSecond));
  const peer = summarise(loads.bare.map(({ eventsPerSecond }) => eventsPerSecond));
  const ratio = nara.value / peer.value;
  return {
    metric: `durable ingest, ${batch} events a body`,
    unit: 'events/s',
    ...nara,
    peer: 'bare node:http, parse and group-committed fdatasync',
    peerValue: peer.value,
    ratio,
    target: `ratio ≥ ${target}`,
    met: ratio >= target,
  };
}

/** Latency at a steady share of the maximum, and what the processes weigh meanwhile. */
async function measureSteadily(
  directory: string,
  stackUrl: string,
  { url, share, maximum, seconds }: { url: URL; share: number; maximum: number; seconds: number },
): Promise<BenchResult[]> {
  const run = await readRunFile(join(directory, 'data'));
  const weights: { rss: number; clickhouse: number; lag: number }[] = [];
  const sampling = setInterval(async () => {
    weights.push({
      rss: await residentMb(run?.pids.api ?? 0),
      clickhouse: await residentMb(run?.pids.clickhouse ?? 0),
      lag: (await metric(stackUrl, 'nodejs_eventloop_lag_p99_seconds')) * 1000,
    });
  }, 1000);
  const options = { connections: CONNECTIONS, seconds, eventsPerSecond: maximum * share };
  const shippedBefore = await metric(stackUrl, SHIPPED_EVENTS);
  const load = await sendSteadily({ url, batch: 20 }, options).finally(() => clearInterval(sampling));
  const shipped = (await metric(stackUrl, SHIPPED_EVENTS)) - shippedBefore;
  await drained(stackUrl, directory);
  const largest = (of: 'rss' | 'clickhouse' | 'lag'): number => Math.max(0, ...weights.map((weight) => weight[of]));
  const row = (name: string, value: number, unit: string, limit: number): BenchResult => ({
    metric: name,
    value,
    unit,
    spread: 0,
    target: `< ${limit} ${unit}`,
    met: value < limit,
  });
  const at = `at ${Math.round(load.eventsPerSecond).toLocaleString('en')} events/s`;
  return [
    row(`p99 of an answer ${at}, ${Math.round(share * 100)} % of its own maximum`, load.p99Ms, 'ms', MAX_P99_MS),
    row(`largest event-loop lag p99 of the API ${at}`, largest('lag'), 'ms', MAX_LAG_MS),
    row(`largest RSS of the API ${at}`, largest('rss'), 'MB', MAX_RSS_MB),
    { metric: `inserted and folded meanwhile, ${at}`, value: shipped / seconds, unit: 'events/s', spread: 0 },
    { metric: `largest RSS of ClickHouse ${at}`, value: largest('clickhouse'), unit: 'MB', spread: 0 },
  ];
}

async function makeTelemetryKey(directory: string): Promise<string> {
  const keys = new KeyStore({ path: join(directory, 'data', 'keys.json'), adminToken: null, nowMs: Date.now });
  const { text } = await keys.create({ name: 'bench', scopes: ['telemetry'], origins: [] });
  return text;
}

/** Everything accepted is in the database, and merged as far as it wants to be: the next stretch begins on an idle machine. */
async function drained(url: string, directory: string): Promise<void> {
  await waitFor(
    'the backlog to be shipped',
    async () => (await metric(url, 'nara_spool_bytes{spool="events"}')) === 0,
    DRAIN_TIMEOUT_MS,
  );
  const pid = (await readRunFile(join(directory, 'data')))?.pids.clickhouse ?? 0;
  let before = await processorMs(pid);
  for (let quiet = false; !quiet; ) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_WINDOW_MS));
    const now = await processorMs(pid);
    quiet = now - before < QUIET_WINDOW_MS * QUIET_SHARE;
    before = now;
  }
}

/** Of all its threads, since it began. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * MS_PER_TICK;
}

async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

async function startBareServer(path: string): Promise<{ url: URL; stop(): Promise<void> }> {
  const child = fork(BARE_SERVER, [path], { execArgv: ['--import', 'tsx'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('exit', () => reject(new Error('the bare server ended')));
  });
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}
