import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PASSWORD, readValue, rowsOf, type Spawned, spawnClickHouse } from './fixtures/spawn-clickhouse.ts';

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
beforeEach(async () => {
  await client.command({ query: 'DROP TABLE IF EXISTS t' });
  await client.command({
    query: `CREATE TABLE t (
      a UInt32, b String DEFAULT concat('b', toString(a)), c Nullable(Int8), big UInt64 DEFAULT 18446744073709551615,
      twice UInt64 MATERIALIZED a * 2, thrice UInt64 ALIAS a * 3
    ) ENGINE = MergeTree ORDER BY a`,
  });
});

const read = () => rowsOf(client, 'SELECT a, b, c, twice, thrice FROM t ORDER BY a');
const post = (search: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${clickhouse.url}/?${search}`, {
    method: 'POST',
    body,
    headers: { 'x-clickhouse-key': PASSWORD, ...headers },
  });

describe('with the stock client', () => {
  it('answers a ping, by itself and by a SELECT', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
  });

  it('inserts arrays and leaves missing keys to their defaults', async () => {
    const { summary } = await client.insert({
      table: 't',
      values: [{ a: 1 }, { a: 2, b: 'x', c: -1 }],
      format: 'JSONEachRow',
    });
    expect(summary).toMatchObject({ written_rows: '2' });
    expect(await read()).toEqual([
      { a: 1, b: 'b1', c: null, twice: 2, thrice: 3 },
      { a: 2, b: 'x', c: -1, twice: 4, thrice: 6 },
    ]);
  });

  it('inserts streams of objects, and only the columns named', async () => {
    const values = Readable.from(Array.from({ length: 1_000 }, (_, a) => ({ a, b: 'ignored?' })));
    await client.insert({ table: 't', values, format: 'JSONEachRow', columns: ['a'] });
    expect(await readValue(client, "SELECT count(), countIf(b = concat('b', toString(a))) FROM t")).toBe('1000\t1000');
  });

  it.each([
    ['CSV', '1,x\n2,y\n'],
    ['TabSeparated', '1\tx\n2\ty\n'],
    ['JSONCompactEachRow', '[1,"x"]\n[2,"y"]\n'],
    ['CSVWithNames', 'a,b\n1,x\n2,y\n'],
    ['Values', "(1, 'x'), (2, concat('', 'y'))"],
  ])('inserts %s', async (format, text) => {
    const { stream } = await client.exec({
      query: `INSERT INTO t (a, b) FORMAT ${format}`,
      values: Readable.from([text]),
    });
    for await (const _chunk of stream);
    expect(await rowsOf(client, 'SELECT a, b FROM t ORDER BY a')).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ]);
  });

  it('ships a file with exec, settings inside and outside the statement', async () => {
    const file = join(directory, 'segment.jsonl');
    await writeFile(file, Array.from({ length: 5_000 }, (_, a) => `{"a":${a},"unknown":1}\n`).join(''));
    const { stream, summary } = await client.exec({
      query: 'INSERT INTO t SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow',
      values: createReadStream(file),
      clickhouse_settings: { log_comment: 'segment', async_insert: 1, wait_for_async_insert: 0 },
    });
    for await (const _chunk of stream);
    expect(summary).toMatchObject({ written_rows: '5000' });
    expect(await readValue(client, 'SELECT count() FROM t')).toBe('5000');
  });

  it('compresses both ways', async () => {
    const zipping = createClient({
      url: clickhouse.url,
      password: PASSWORD,
      compression: { request: true, response: true },
    });
    await zipping.insert({
      table: 't',
      values: Array.from({ length: 3_000 }, (_, a) => ({ a })),
      format: 'JSONEachRow',
    });
    const result = await zipping.query({ query: 'SELECT a FROM t', format: 'JSONEachRow' });
    expect(result.response_headers['content-encoding']).toBe('gzip');
    expect(await result.json()).toHaveLength(3_000);
    await zipping.close();
  });

  it.each([false, true])('fills in parameters of every kind, in a form: %s', async (use_multipart_params) => {
    const text = 'tab\tline\nquote\'s "and" back\\slash größe';
    const result = await client.query({
      query:
        'SELECT {text:String} AS text, {list:Array(String)} AS list, {none:Nullable(Int8)} AS none, ' +
        '{at:DateTime64(3)} AS at, name FROM {database:Identifier}.{table:Identifier} WHERE name = {name:String}',
      query_params: {
        text,
        list: ['a', "b'"],
        none: null,
        at: '2026-01-02 03:04:05.678',
        database: 'system',
        table: 'databases',
        name: 'system',
      },
      format: 'JSONEachRow',
      use_multipart_params,
    });
    const expected = { text, list: ['a', "b'"], none: null, at: '2026-01-02 03:04:05.678', name: 'system' };
    expect(await result.json()).toEqual([expected]);
  });

  it('leaves 64-bit integers unquoted unless asked to quote them', async () => {
    const query = 'SELECT toUInt64(9007199254740993) AS n';
    const plain = await client.query({ query, format: 'JSONEachRow' });
    expect(await plain.text()).toBe('{"n":9007199254740993}\n');
    const quoted = await client.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    });
    expect(await quoted.json()).toEqual([{ n: '9007199254740993' }]);
  });

  it('says what a server says in its headers', async () => {
    const result = await client.query({ query: 'SELECT 1', format: 'JSONCompactEachRow', query_id: 'mine' });
    await result.text();
    expect(result.query_id).toBe('mine');
    expect(result.response_headers).toMatchObject({
      'x-clickhouse-query-id': 'mine',
      'x-clickhouse-format': 'JSONCompactEachRow',
      'x-clickhouse-timezone': await readValue(client, 'SELECT timezone()'),
      'x-clickhouse-summary': expect.stringContaining('"result_rows":"1"'),
    });
  });

  it('takes 64 inserts at once', async () => {
    const inserts = Array.from({ length: 64 }, (_, a) =>
      client.insert({ table: 't', values: [{ a }], format: 'JSONEachRow' }),
    );
    await Promise.all(inserts);
    expect(await readValue(client, 'SELECT count(), uniqExact(a) FROM t')).toBe('64\t64');
    expect(await readdir(join(directory, 'clickhouse', 'incoming'))).toEqual([]);
  });

  it('works in another database', async () => {
    await client.command({ query: 'CREATE DATABASE IF NOT EXISTS other' });
    const other = createClient({
      url: clickhouse.url,
      password: PASSWORD,
      database: 'other',
      log: { level: ClickHouseLogLevel.OFF },
    });
    await other.command({ query: 'CREATE TABLE here (a UInt8) ENGINE = Memory' });
    expect(await readValue(other, 'SELECT currentDatabase()')).toBe('other');
    expect(await readValue(client, 'SELECT currentDatabase()')).toBe('default');
    await expect(client.query({ query: 'SELECT * FROM here' })).rejects.toMatchObject({ type: 'UNKNOWN_TABLE' });
    await other.command({ query: 'DROP DATABASE other' });
    await expect(other.query({ query: 'SELECT 1' })).rejects.toMatchObject({ type: 'UNKNOWN_DATABASE' });
    await other.close();
  });

  it.each([
    ['SELECT * FROM nowhere', '60', 'UNKNOWN_TABLE'],
    ['selec 1', '62', 'SYNTAX_ERROR'],
    ['SELECT nofunction(1)', '46', 'UNKNOWN_FUNCTION'],
    ['SELECT {missing:String}', '456', 'UNKNOWN_QUERY_PARAMETER'],
    ["SELECT throwIf(number = 3, 'four') FROM numbers(9)", '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
    ['SELECT 1; SELECT 2', '62', 'SYNTAX_ERROR'],
    ["INSERT INTO t (a) SELECT a FROM input('a UInt32')", '48', 'NOT_IMPLEMENTED'],
    ["SELECT 1 INTO OUTFILE '/tmp/nara-never'", '48', 'NOT_IMPLEMENTED'],
    ['INSERT INTO nowhere VALUES (1)', '60', 'UNKNOWN_TABLE'],
    ["INSERT INTO t (a) VALUES ('x')", '6', 'CANNOT_PARSE_TEXT'],
  ])('fails %s with code %s', async (query, code, type) => {
    const failure = await client.command({ query }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClickHouseError);
    expect(failure).toMatchObject({ code, type });
  });

  it('keeps nothing of a segment with a broken row, and names the row but not our files', async () => {
    const values = Readable.from(['{"a":1}\n{"a":', '"two"}\n{"a":3}\n']);
    const failure = client.exec({ query: 'INSERT INTO t FORMAT JSONEachRow', values });
    await expect(failure).rejects.toMatchObject({ message: expect.stringMatching(/at row 2[\s\S]*request body/) });
    await expect(failure).rejects.toMatchObject({ message: expect.not.stringContaining(directory) });
    expect(await readValue(client, 'SELECT count() FROM t')).toBe('0');
  });
});

describe('with plain HTTP', () => {
  it('finds statement and data in one body, and data behind a statement in the URL', async () => {
    await post('', 'INSERT INTO t (a) FORMAT CSV\n1\n2\n');
    await post(`query=${encodeURIComponent('INSERT INTO t (a) FORMAT CSV')}`, '3\n');
    await post(`query=${encodeURIComponent('INSERT INTO t (a) VALUES (4)')}`, '');
    await post('', "INSERT INTO t (a, b) VALUES (5, 'größe');");
    const answer = await post(
      'default_format=JSONCompactEachRow',
      'SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)',
    );
    expect(await answer.text()).toBe('[[1,2,3,4,5]]\n');
  });

  it('keeps binary data whole', async () => {
    await post('', 'INSERT INTO t (a) VALUES (7), (8)');
    const native = Buffer.from(await (await post('', 'SELECT a FROM t ORDER BY a FORMAT Native')).arrayBuffer());
    await post(`query=${encodeURIComponent('INSERT INTO t (a) FORMAT Native')}`, native);
    await post('', Buffer.concat([Buffer.from('INSERT INTO t (a) FORMAT Native\n'), native]));
    expect(await readValue(client, 'SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)')).toBe('[7,7,7,8,8,8]');
  });

  it.each(['gzip', 'deflate', 'br'])('answers in %s when asked to', async (coding) => {
    const answer = await post('enable_http_compression=1', 'SELECT number FROM numbers(400000) FORMAT CSV', {
      'accept-encoding': coding,
    });
    expect(answer.headers.get('content-encoding')).toBe(coding);
    expect((await answer.text()).split('\n')).toHaveLength(400_001);
  });

  it('takes a compressed insert, and reports one that is not what it says', async () => {
    const headers = { 'content-encoding': 'gzip' };
    await post('query=INSERT+INTO+t+(a)+FORMAT+CSV', gzipSync('1\n2\n'), headers);
    const broken = await post('query=INSERT+INTO+t+(a)+FORMAT+CSV', 'not gzip', headers);
    expect([broken.status, broken.headers.get('x-clickhouse-exception-code')]).toEqual([500, '354']);
    const unknown = await post('query=INSERT+INTO+t+(a)+FORMAT+CSV', '3', { 'content-encoding': 'lz4' });
    expect(unknown.status).toBe(501);
    expect(await readValue(client, 'SELECT count() FROM t')).toBe('2');
  });

  it('lets GET read but not write', async () => {
    const get = (query: string) => fetch(`${clickhouse.url}/?password=${encodeURIComponent(PASSWORD)}&query=${query}`);
    expect(await (await get('SELECT+1')).text()).toBe('1\n');
    expect(await (await get('DROP+TABLE+t')).text()).toContain('(READONLY)');
    expect(await readValue(client, 'EXISTS TABLE t')).toBe('1');
  });

  it.each([
    ['a wrong password', { 'x-clickhouse-key': 'wrong' }],
    ['no password', { 'x-clickhouse-key': '' }],
    ['an unknown user', { 'x-clickhouse-user': 'root' }],
  ])('turns away %s with 403 and code 516', async (_who, headers) => {
    const answer = await post('', 'SELECT 1', headers);
    expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([403, '516']);
    expect(await answer.text()).toMatch(/^Code: 516\. DB::Exception: .*\(AUTHENTICATION_FAILED\)/);
  });

  it('needs no password to say that it is there', async () => {
    expect(await (await fetch(`${clickhouse.url}/ping`)).text()).toBe('Ok.\n');
    expect((await fetch(`${clickhouse.url}/nowhere`)).status).toBe(404);
  });

  it('leads clickhouse-go, as in Grafana’s plugin, to plain Native', async () => {
    const search = 'default_format=Native&client_protocol_version=54460&enable_http_compression=1';
    const hello = await post(search, 'SELECT displayName(), version(), revision(), timezone()', {
      'accept-encoding': 'gzip',
    });
    const block = Buffer.from(await hello.arrayBuffer());
    expect(block.subarray(0, 10)).toEqual(Buffer.from([1, 0, 2, 255, 255, 255, 255, 0, 4, 1]));
    expect(block.includes(Buffer.from('\x0arevision()\x06UInt32\0\0\0\0\0', 'latin1'))).toBe(true);
    const rows = Buffer.from(await (await post(search, 'SELECT toUInt8(7) AS x')).arrayBuffer());
    expect(rows).toEqual(Buffer.from('\x01\x01\x01x\x05UInt8\x07', 'latin1'));
  });
});
