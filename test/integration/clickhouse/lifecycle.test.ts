import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readValue, rowsOf, type Spawned, spawnClickHouse, waitFor } from './fixtures/spawn-clickhouse.ts';

const BATCH_ROWS = 500;

let directory: string;
let started: Spawned[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-clickhouse-'));
  started = [];
});
afterEach(async () => {
  for (const clickhouse of started) await clickhouse.kill();
  await rm(directory, { recursive: true });
});

async function start(): Promise<Spawned> {
  const clickhouse = await spawnClickHouse(directory);
  started.push(clickhouse);
  return clickhouse;
}

const isRunning = async (client: ClickHouseClient, text: string) =>
  (await readValue(
    client,
    `SELECT countSubstrings(query, '${text}') FROM system.processes WHERE query NOT LIKE '%processes%'`,
  )) !== '';

describe('the data directory', () => {
  it('keeps its tables over a stop, which exits with 0', async () => {
    const first = await start();
    await first.client.command({ query: 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a' });
    await first.client.insert({ table: 't', values: [{ a: 1 }], format: 'JSONEachRow' });
    expect(await first.stop()).toBe(0);
    const second = await start();
    expect(await readValue(second.client, 'SELECT a FROM t')).toBe('1');
  });

  it('belongs to one process: a second one says so and leaves the first alone', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(`is in use by process ${first.pid}`);
    await first.client.command({ query: 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a' });
    await first.client.insert({ table: 't', values: [{ a: 1 }], format: 'JSONEachRow' });
    expect(await readValue(first.client, 'SELECT a FROM t')).toBe('1');
  });

  it('is tidied at start of what a killed process left', async () => {
    const incoming = join(directory, 'clickhouse', 'incoming');
    await mkdir(incoming, { recursive: true });
    await writeFile(join(incoming, 'left-over'), 'half a segment');
    await start();
    expect(await readdir(incoming)).toEqual([]);
  });
});

it('says that a port is taken, and lets go of the data directory', async () => {
  const first = await start();
  const other = join(directory, 'other');
  const taken = spawnClickHouse(other, { NARA_CLICKHOUSE_PORT: new URL(first.url).port });
  await expect(taken).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  const second = await spawnClickHouse(other);
  started.push(second);
  expect(await readValue(second.client, 'SELECT 1')).toBe('1');
});

describe('ending', () => {
  it('lets a statement that is nearly done finish, and exits with 0', async () => {
    const { client, child, stop } = await start();
    let done = false;
    const nearlyDone = readValue(client, 'SELECT sum(sleepEachRow(0.1)) FROM numbers(4)').finally(() => {
      done = true;
    });
    await waitFor(async () => done || (await isRunning(client, 'sleepEachRow')));
    child.kill('SIGTERM');
    expect(await nearlyDone).toBe('0');
    expect(await stop()).toBe(0);
  });

  it('kills a statement that is not, and exits with 0', async () => {
    const { client, child, stop } = await start();
    const endless = readValue(client, 'SELECT count() FROM system.numbers');
    await waitFor(() => isRunning(client, 'system.numbers'));
    child.kill('SIGTERM');
    await expect(endless).rejects.toMatchObject({ type: 'ABORTED' });
    expect(await stop()).toBe(0);
  });

  it('follows from the end of whoever started it', async () => {
    const { child, client } = await start();
    await readValue(client, 'SELECT 1');
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await exited;
  });
});

describe('a SIGKILL in the middle of inserts', () => {
  it('loses no batch that was acknowledged', async () => {
    const first = await start();
    await first.client.command({
      query: 'CREATE TABLE t (batch UInt32, row UInt32) ENGINE = MergeTree ORDER BY (batch, row)',
    });
    const acknowledged: number[] = [];
    let next = 0;
    const insertUntilItFails = async () => {
      for (;;) {
        const batch = next++;
        const values = Array.from({ length: BATCH_ROWS }, (_, row) => ({ batch, row }));
        await first.client.insert({ table: 't', values, format: 'JSONEachRow' });
        acknowledged.push(batch);
        if (acknowledged.length === 40) first.child.kill('SIGKILL');
      }
    };
    await Promise.allSettled(Array.from({ length: 8 }, insertUntilItFails));
    expect(acknowledged.length).toBeGreaterThanOrEqual(40);
    const second = await start();
    const stored = await rowsOf<{ batch: number; rows: number }>(
      second.client,
      'SELECT batch, uniqExact(row) AS rows FROM t GROUP BY batch',
    );
    const whole = new Set(stored.filter(({ rows }) => rows === BATCH_ROWS).map(({ batch }) => batch));
    expect(acknowledged.filter((batch) => !whole.has(batch))).toEqual([]);
    expect(stored.length - whole.size).toBe(0);
  });
});
