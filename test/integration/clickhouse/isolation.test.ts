import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineMemory, sessionSettings } from '../../../src/clickhouse/engine-config.ts';
import { readValue, type Spawned, spawnClickHouse } from './fixtures/spawn-clickhouse.ts';

const MAX_MEMORY_BYTES = 600 * 1024 ** 2;
/** More requests one after the other than there are sessions: each has been used again. */
const EVERY_SESSION = 8;

let directory: string;
let clickhouse: Spawned;
let client: ClickHouseClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-clickhouse-'));
  clickhouse = await spawnClickHouse(directory, { NARA_CLICKHOUSE_MAX_MEMORY_BYTES: String(MAX_MEMORY_BYTES) });
  client = clickhouse.client;
});
afterAll(async () => {
  await clickhouse?.stop();
  await rm(directory, { recursive: true });
});

const read = async (query: string, clickhouse_settings: ClickHouseSettings = {}) =>
  (await (await client.query({ query, format: 'TabSeparatedRaw', clickhouse_settings })).text()).trimEnd();

/** One answer of every session there is, each asked while the others are busy. */
const readEverywhere = (query: string) =>
  Promise.all(Array.from({ length: EVERY_SESSION }, () => readValue(client, query)));
const everywhere = (value: string) => Array.from({ length: EVERY_SESSION }, () => value);

describe('settings', () => {
  it('hold for one request and are gone with the next', async () => {
    const query = "SELECT getSetting('max_threads'), getSetting('insert_deduplication_token')";
    const before = await read(query);
    expect(await read(query, { max_threads: 1, insert_deduplication_token: 'once' })).toBe('1\tonce');
    expect(await readEverywhere(query)).toEqual(everywhere(before));
  });

  it('give way to those of the process when they are taken back, not to the engine’s own', async () => {
    const query = "SELECT getSetting('min_insert_block_size_bytes')";
    const ours = sessionSettings(engineMemory(MAX_MEMORY_BYTES).engineBytes).get('min_insert_block_size_bytes') ?? '';
    expect(await read(query, { min_insert_block_size_bytes: '1' })).toBe('1');
    expect(await readEverywhere(query)).toEqual(everywhere(ours));
  });

  it('of a deduplicated insert do not swallow the next one', async () => {
    await client.command({
      query:
        'CREATE TABLE d (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
    });
    const insert = (a: number, clickhouse_settings: ClickHouseSettings) =>
      client.insert({ table: 'd', values: [{ a }], format: 'JSONEachRow', clickhouse_settings });
    await insert(1, { insert_deduplication_token: 'token' });
    await insert(2, { insert_deduplication_token: 'token' });
    await insert(3, {});
    await client.exec({ query: "INSERT INTO d SETTINGS insert_deduplication_token = 'token' FORMAT CSV 4" });
    await insert(5, {});
    expect(await readValue(client, 'SELECT groupArray(a) FROM (SELECT a FROM d ORDER BY a)')).toBe('[1,3,5]');
  });

  it('made by statements go with their session: SET, USE, temporary tables', async () => {
    await client.command({ query: 'SET max_threads = 1' });
    await client.command({ query: 'CREATE TEMPORARY TABLE passing (a UInt8)' });
    await client.command({ query: 'USE system' });
    expect(await readEverywhere("SELECT getSetting('max_threads') = 1, currentDatabase()")).toEqual(
      everywhere('0\tdefault'),
    );
    await expect(readValue(client, 'SELECT * FROM passing')).rejects.toMatchObject({ type: 'UNKNOWN_TABLE' });
  });

  it('that do not exist are an error, and the rest goes on', async () => {
    const settings = { no_such_setting: '1' } as ClickHouseSettings;
    await expect(read('SELECT 1', settings)).rejects.toMatchObject({ type: 'UNKNOWN_SETTING' });
    expect(await read('SELECT 1')).toBe('1');
  });
});

describe('parameters', () => {
  it('hold for one request; forgotten ones are an error, not an earlier value', async () => {
    const ask = (query_params: Record<string, unknown>) =>
      client.query({ query: 'SELECT {a:String} || {b:String}', query_params, format: 'TabSeparatedRaw' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => (await ask({ a: `${index}`, b: `/${index}` })).text()),
    );
    expect(answers).toEqual(Array.from({ length: 50 }, (_, index) => `${index}/${index}\n`));
    for (let index = 0; index < EVERY_SESSION; index += 1) {
      await expect(ask({ a: 'x' })).rejects.toMatchObject({ type: 'UNKNOWN_QUERY_PARAMETER' });
    }
  });
});

describe('a failed statement', () => {
  it('leaves nothing of its answer in front of the next one', async () => {
    const failing = (query: string) => client.command({ query }).catch(() => 'failed');
    const failures = Array.from({ length: EVERY_SESSION }, (_, index) =>
      failing(index % 2 === 0 ? 'SELECT throwIf(number = 70000) FROM numbers(100000)' : 'SHOW TABLES FROM nowhere'),
    );
    expect(await Promise.all(failures)).toEqual(everywhere('failed'));
    expect(await readEverywhere('SELECT 1')).toEqual(everywhere('1'));
    const shown = await client.query({ query: 'EXISTS TABLE system.one', format: 'TabSeparatedRaw' });
    expect(await shown.text()).toBe('1\n');
  });
});

describe('a read-only request', () => {
  const readonly: ClickHouseSettings = { readonly: '1', max_execution_time: 10, max_memory_usage: '200000000' };

  it('reads under the limits it came with', async () => {
    expect(await read("SELECT getSetting('readonly'), getSetting('max_execution_time')", readonly)).toBe('1\t10');
  });

  it.each([
    'CREATE TABLE forbidden (a UInt8) ENGINE = Memory',
    'INSERT INTO readable VALUES (1)',
    'INSERT INTO readable SELECT 1',
    'DROP TABLE readable',
    'SET max_memory_usage = 0',
    'SELECT 1 SETTINGS max_memory_usage = 0',
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
  ])('cannot do this: %s', async (query) => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS readable (a UInt8) ENGINE = Memory' });
    const refused = client.command({ query, clickhouse_settings: readonly });
    await expect(refused).rejects.toMatchObject({ code: '164', type: 'READONLY' });
    expect(await read('SELECT count() FROM readable')).toBe('0');
  });

  it('does not make the next one read only', async () => {
    for (let index = 0; index < EVERY_SESSION; index += 1) await read('SELECT 1', readonly);
    await Promise.all(
      Array.from({ length: EVERY_SESSION }, () =>
        client.command({ query: 'CREATE TABLE IF NOT EXISTS w (a Int8) ENGINE = Log' }),
      ),
    );
    expect(await readEverywhere("SELECT getSetting('readonly')")).toEqual(everywhere('0'));
  });
});

describe('memory', () => {
  it('asked for beyond a request’s own limit is an error', async () => {
    const query = 'SELECT length(groupArray(number)) FROM numbers(100000000)';
    const greedy = read(query, { max_memory_usage: '100000000' });
    await expect(greedy).rejects.toMatchObject({ code: '241', type: 'MEMORY_LIMIT_EXCEEDED' });
  });

  it('asked for beyond the server’s cap is an error, again and again, and the server stays up', async () => {
    const query = 'SELECT length(groupArray(toString(number))) FROM numbers(200000000)';
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(read(query)).rejects.toMatchObject({ type: 'MEMORY_LIMIT_EXCEEDED' });
    }
    expect(await read("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")).toBe(
      `${engineMemory(MAX_MEMORY_BYTES).engineBytes}`,
    );
    expect(await read('SELECT 1')).toBe('1');
  });
});
