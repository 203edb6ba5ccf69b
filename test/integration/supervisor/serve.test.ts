import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Config } from '../../../src/config.ts';
import { processStart } from '../../../src/supervisor/process-start.ts';
import { type RunFile, readRunFile, runFilePath } from '../../../src/supervisor/run-file.ts';

const SERVE = join(import.meta.dirname, 'fixtures/serve.ts');
const soon = { timeout: 20_000, interval: 50 };
let dataDir: string;
let started: ChildProcess[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-serve-'));
});
afterEach(async () => {
  for (const child of started) child.kill('SIGKILL');
  started = [];
  await vi.waitFor(async () => expect(await livingPids((await readRunFile(dataDir)) ?? null)).toEqual([]), soon);
  await rm(dataDir, { recursive: true });
});

type Message = { type: 'ready'; url: string } | { type: 'failed'; message: string };

function spawnServe(more: Partial<Config> = {}, env: Record<string, string> = {}) {
  const config: Partial<Config> = {
    host: '127.0.0.1',
    port: 0,
    portIsExplicit: true,
    dataDir,
    clickhouseUrl: null,
    redisUrl: null,
    adminToken: null,
    clickhousePort: 0,
    ffmpegPath: 'ffmpeg',
    ffprobePath: 'ffprobe',
    ...more,
  };
  const child = fork(SERVE, [JSON.stringify(config)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  started.push(child);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  return { child, logLines: () => output };
}

async function serve(more: Partial<Config> = {}, env: Record<string, string> = {}) {
  const { child, logLines } = spawnServe(more, env);
  const [message] = (await once(child, 'message')) as [Message];
  return { child, message, logLines };
}

async function runFile(): Promise<RunFile> {
  const run = await readRunFile(dataDir);
  if (run === null) throw new Error('there is no run.json');
  return run;
}

async function allUp(): Promise<RunFile> {
  return vi.waitFor(async () => {
    const run = await runFile();
    expect(Object.values(run.pids)).not.toContain(null);
    return run;
  }, soon);
}

async function livingPids(run: RunFile | null): Promise<number[]> {
  const pids = Object.values(run?.pids ?? {}).filter((pid) => pid !== null);
  const alive = await Promise.all(pids.map(async (pid) => ((await processStart(pid)) === null ? [] : [pid])));
  return alive.flat();
}

async function ask(url: string): Promise<{ clickhouseUrl: string; redisUrl: string; dataDir: string; pid: number }> {
  const response = await fetch(url);
  return (await response.json()) as { clickhouseUrl: string; redisUrl: string; dataDir: string; pid: number };
}

test('run.json says where everything is, to its owner alone, and the API is told the same', async () => {
  const { child, message } = await serve();
  const run = await allUp();
  expect(message).toEqual({ type: 'ready', url: run.url });
  expect(run.pids.supervisor).toBe(child.pid);
  expect((await stat(runFilePath(dataDir))).mode & 0o777).toBe(0o600);
  const given = await ask(run.url);
  expect(given).toEqual({ clickhouseUrl: run.clickhouseUrl, redisUrl: run.redisUrl, dataDir, pid: run.pids.api });
  expect(new URL(run.clickhouseUrl).password).toBe(
    (await readFile(join(dataDir, 'secrets/clickhouse-password'), 'utf8')).trim(),
  );
});

test('a killed child is back on the same port and run.json has its new pid', async () => {
  await serve();
  const before = await allUp();
  process.kill(before.pids.api ?? Number.NaN, 'SIGKILL');
  process.kill(before.pids.redis ?? Number.NaN, 'SIGKILL');
  const after = await vi.waitFor(async () => {
    const run = await runFile();
    expect((await ask(before.url)).pid).toBe(run.pids.api);
    expect(run.pids.api).not.toBe(before.pids.api);
    expect(run.pids.redis).not.toBe(before.pids.redis);
    expect(run.pids.redis).not.toBeNull();
    return run;
  }, soon);
  expect(after.pids).toMatchObject({ clickhouse: before.pids.clickhouse, worker: before.pids.worker });
  const client = new Redis(after.redisUrl, { maxRetriesPerRequest: null });
  client.on('error', () => {});
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});

test('SIGTERM stops everything, also a worker that ignores it, leaves no child and frees the data directory', async () => {
  const { child, logLines } = await serve({}, { STUBBORN: 'worker' });
  const run = await allUp();
  await vi.waitFor(() => expect(logLines().match(/child ready/g)).toHaveLength(4), soon);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(logLines()).toContain('child did not stop in time, killing it');
  expect(await livingPids(run)).toEqual([]);
  await expect(access(runFilePath(dataDir))).rejects.toThrow(/ENOENT/);
  const again = await serve();
  expect(again.message.type).toBe('ready');
});

test('a stop goes from worker to ClickHouse, so that nobody loses what he still needs', async () => {
  const { child, logLines } = await serve();
  await allUp();
  child.kill('SIGTERM');
  await once(child, 'exit');
  const stops = logLines()
    .split('\n')
    .filter((line) => line.includes('child stopped'))
    .map((line) => JSON.parse(line).child);
  expect(stops).toEqual(['worker', 'api', 'redis', 'clickhouse']);
});

test('signalling again and again ends by force what would take its time', async () => {
  const { child, logLines } = await serve({}, { STUBBORN: 'worker' });
  const run = await allUp();
  await vi.waitFor(() => expect(logLines().match(/child ready/g)).toHaveLength(4), soon);
  const impatience = setInterval(() => child.kill('SIGINT'), 100);
  const [code] = await once(child, 'exit');
  clearInterval(impatience);
  expect(code).toBe(1);
  expect(logLines()).toContain('stopping by force');
  expect(await livingPids(run)).toEqual([]);
});

test('a second start says who holds the data directory and where it is', async () => {
  const first = await serve();
  const run = await allUp();
  const second = await serve();
  expect(second.message).toMatchObject({ type: 'failed', message: expect.stringContaining(`pid ${first.child.pid}`) });
  expect(second.message).toMatchObject({ message: expect.stringContaining(run.url) });
});

test('a SIGKILLed supervisor leaves no child behind and the next start takes over', async () => {
  const first = await serve();
  const run = await allUp();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = await serve();
  expect(second.message.type).toBe('ready');
  expect(await livingPids(run)).toEqual([]);
});

test('with CLICKHOUSE_URL and REDIS_URL set neither is started', async () => {
  const urls = { clickhouseUrl: 'http://db.example:8123', redisUrl: 'redis://cache.example:6379' };
  await serve(urls);
  const run = await vi.waitFor(async () => {
    const current = await runFile();
    expect(current.pids.worker).not.toBeNull();
    return current;
  }, soon);
  expect(run).toMatchObject({ ...urls, pids: { clickhouse: null, redis: null } });
  expect(await ask(run.url)).toMatchObject(urls);
});

test('a child that cannot run as it is configured ends the service with 1 instead of starting over and over', async () => {
  const { child, logLines } = spawnServe({}, { MISCONFIGURED: 'api' });
  const [code] = await once(child, 'exit');
  expect(code).toBe(1);
  expect(logLines()).not.toContain('will be started again');
  await expect(access(runFilePath(dataDir))).rejects.toThrow(/ENOENT/);
});

test.each([
  [{ host: '0.0.0.0' }, 'NARA_HOST is 0.0.0.0, beyond loopback, and there are no keys'],
  [{ ffmpegPath: '/nope' }, '/nope cannot be run'],
  [{ ffprobePath: '/nope/ffprobe' }, 'NARA_FFPROBE'],
])('%j ends it with one message before any child starts', async (config, text) => {
  const { message, logLines } = await serve(config);
  expect(message).toMatchObject({ type: 'failed', message: expect.stringContaining(text) });
  expect(logLines()).not.toContain('child started');
});

test('a taken explicit port is an error that names NARA_PORT', async () => {
  await serve();
  const { url } = await allUp();
  const elsewhere = await mkdtemp(join(tmpdir(), 'nara-serve-'));
  const { message } = await serve({ port: Number(new URL(url).port), dataDir: elsewhere });
  expect(message).toMatchObject({ type: 'failed', message: expect.stringContaining('NARA_PORT') });
  await rm(elsewhere, { recursive: true });
});
