import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, readValue, type Spawned, spawnClickHouse, waitFor } from './fixtures/spawn-clickhouse.ts';

const ENDLESS = 'SELECT count() FROM system.numbers';
const FAILS_HALF_WAY =
  "SELECT number, throwIf(number = 900000, 'half way') FROM numbers(2000000) SETTINGS max_block_size = 10000";
const ENDLESS_ROWS = 'SELECT number FROM system.numbers';

let directory: string;
let clickhouse: Spawned;
let client: ClickHouseClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-clickhouse-'));
  clickhouse = await spawnClickHouse(directory);
  client = clickhouse.client;
});
afterAll(async () => {
  await clickhouse?.stop();
  await rm(directory, { recursive: true });
});

const othersRunning = async () =>
  Number(await readValue(client, "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'"));
const runningIs = (count: number) => waitFor(async () => (await othersRunning()) === count);

/** Starts a query; returns how to abandon it and what becomes of it. */
function start(query: string, settings = {}) {
  const controller = new AbortController();
  const outcome = client
    .query({ query, abort_signal: controller.signal, clickhouse_settings: settings })
    .then((result) => result.text())
    .then(
      () => 'answered',
      () => 'failed',
    );
  return { abandon: () => controller.abort(), outcome };
}

describe('a long answer', () => {
  it.each([false, true])('streams 300,000 rows, compressed: %s', async (response) => {
    const streaming = createClient({ url: clickhouse.url, password: PASSWORD, compression: { response } });
    const query = 'SELECT number, toString(cityHash64(number)) AS hash FROM numbers(300000) ORDER BY number';
    const result = await streaming.query({ query, format: 'JSONEachRow' });
    let next = 0;
    for await (const rows of result.stream<{ number: number }>()) {
      for (const row of rows) if (row.json().number === next) next += 1;
    }
    expect(next).toBe(300_000);
    await streaming.close();
  });

  it('is one document in formats that are one', async () => {
    const result = await client.query({ query: 'SELECT number FROM numbers(300000)', format: 'JSON' });
    const document = await result.json<{ number: number }>();
    expect(document).toMatchObject({ rows: 300_000, meta: [{ name: 'number', type: 'UInt64' }] });
    expect(document.data).toHaveLength(300_000);
  });

  it('starts before the statement has ended, and ends with the client’s interest', async () => {
    const result = await client.query({ query: ENDLESS_ROWS, format: 'JSONEachRow' });
    for await (const rows of result.stream()) {
      expect(rows.length).toBeGreaterThan(0);
      break;
    }
    result.close();
    await runningIs(0);
  });

  it('that fails half way is an error to the client, however it reads', async () => {
    const streamed = await client.query({ query: FAILS_HALF_WAY, format: 'JSONEachRow' });
    const reading = (async () => {
      for await (const _rows of streamed.stream());
    })();
    const failure = await reading.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClickHouseError);
    expect(failure).toMatchObject({ code: '395', message: expect.stringContaining('half way') });
    const whole = await client.query({ query: FAILS_HALF_WAY, format: 'CSV' });
    await expect(whole.text()).rejects.toThrow();
  });

  it('that fails half way breaks off for a compressing client', async () => {
    const zipping = createClient({
      url: clickhouse.url,
      password: PASSWORD,
      compression: { response: true },
      log: { level: ClickHouseLogLevel.OFF },
    });
    const result = await zipping.query({ query: FAILS_HALF_WAY, format: 'JSONEachRow' });
    const reading = (async () => {
      for await (const _rows of result.stream());
    })();
    await expect(reading).rejects.toThrow();
    await zipping.close();
  });
});

describe('statements side by side', () => {
  it('answer while a heavy one runs, also one that computes before its first row', async () => {
    const heavy = [start(ENDLESS), start(`SELECT (${ENDLESS})`)];
    await runningIs(2);
    expect(await readValue(client, 'SELECT 1')).toBe('1');
    expect(await client.ping()).toEqual({ success: true });
    expect(await othersRunning()).toBe(2);
    for (const { abandon } of heavy) abandon();
    await runningIs(0);
  });

  it('are cancelled when their client goes away: one that computes, one that sends, one that waits its turn', async () => {
    const abandoned = [...Array.from({ length: 4 }, () => start(ENDLESS)), start(ENDLESS_ROWS)];
    await runningIs(5);
    abandoned.push(start(ENDLESS), start(ENDLESS)); // one place is left
    for (const { abandon } of abandoned) abandon();
    expect(await Promise.all(abandoned.map(({ outcome }) => outcome))).toEqual(abandoned.map(() => 'failed'));
    await runningIs(0);
    expect(await readValue(client, 'SELECT 1')).toBe('1');
  });

  it('leave room for inserts, however many wait', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = MergeTree ORDER BY a' });
    const heavy = Array.from({ length: 5 }, () => start(ENDLESS));
    await runningIs(5);
    heavy.push(start(ENDLESS), start(ENDLESS), start(ENDLESS));
    await client.insert({ table: 't', values: [{ a: 1 }], format: 'JSONEachRow' });
    for (const { abandon } of heavy) abandon();
    await runningIs(0);
    expect(await readValue(client, 'SELECT count() FROM t')).toBe('1');
  });

  it('carry the comment by which their client finds them', async () => {
    const marked = start(ENDLESS, { log_comment: 'segment 7' });
    const found = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'segment 7'";
    await waitFor(async () => (await readValue(client, found)) === '1');
    marked.abandon();
    await waitFor(async () => (await readValue(client, found)) === '0');
  });

  it('end with their own time limit', async () => {
    const query = client.query({ query: ENDLESS, clickhouse_settings: { max_execution_time: 1 } });
    await expect(query).rejects.toMatchObject({ type: 'TIMEOUT_EXCEEDED' });
  });
});
