import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Stack, startStack } from '../../../src/commands/demo/start-stack.ts';
import type { Asset } from '../../../src/domain/index.ts';
import { readRunFile } from '../../../src/supervisor/run-file.ts';
import { makeClip } from '../../fixtures/make-clip.ts';
import { waitFor } from '../../fixtures/wait-for.ts';
import { findTraces, type Trace, tracesOf } from './fixtures/traces-of.ts';

/** One of Norway and one of Germany, of no service that this machine has ever met. */
const ADDRESSES = ['193.213.112.177', '2a02:8109:4f7b:cafe:91:beef:4242:77'];
const TRACES = ADDRESSES.flatMap(tracesOf);

let directory: string;
let stack: Stack;
let rows: Map<string, Record<string, unknown>[]>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-address-'));
  vi.stubEnv('NARA_TRUSTED_PROXIES', 'loopback');
  vi.stubEnv('NARA_LOG_LEVEL', 'trace');
  stack = await startStack({ directory, signal: new AbortController().signal });
  vi.unstubAllEnvs();
  try {
    await useEverything();
    rows = await readTables();
  } finally {
    // Whatever is written when it stops is looked at, too.
    await stack.stop();
  }
}, 120_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('an address that a trusted proxy names', () => {
  it('has been seen: its requests have their region and a block', () => {
    const events = rowsOf('events');
    expect(new Set(events.filter(({ type }) => type !== 'upload_end').map(({ region }) => region))).toEqual(
      new Set(['NO', 'DE']),
    );
    expect(new Set(rowsOf('decisions').map(({ region }) => region))).toEqual(new Set(['NO', 'DE', 'SE']));
    const blocks = new Set([...events, ...rowsOf('decisions')].map(({ block }) => String(block)));
    expect([...blocks].filter((block) => /^[0-9a-f]{16}$/.test(block))).toHaveLength(2);
    expect(rowsOf('dead_letters').length).toBeGreaterThan(0);
  });

  it.each([
    ['text', (address: string) => Buffer.from(`peer [${address}]:443`)],
    ['a hash', (address: string) => Buffer.from(createHash('sha256').update(address).digest('hex'))],
    ['half a hash', (address: string) => createHash('sha1').update(address).digest().subarray(0, 12)],
  ])('would be found as %s', (_form, leak) => {
    for (const address of ADDRESSES) expect(findTraces(leak(address), TRACES)).not.toEqual([]);
  });

  it('is in no row of any table, in any form', () => {
    for (const [table, content] of rows) {
      expect([table, findTraces(Buffer.from(JSON.stringify(content)), TRACES)]).toEqual([table, []]);
    }
  });

  it('is in no byte on disk: spools, dead letters, database, Redis, media, logs', async () => {
    const files = await filesBelow(directory);
    const found = await Promise.all(files.map(async (path) => [path, tracesIn(path, await readFile(path))] as const));
    expect(
      found.filter(([, traces]) => traces.length > 0).map(([path, traces]) => [relative(directory, path), traces]),
    ).toEqual([]);
    // The same search finds what is there.
    const needle = [{ what: 'session', bytes: Buffer.from('session-of-0') }];
    const holders = await Promise.all(files.map(async (path) => findTraces(await readFile(path), needle).length > 0));
    expect(holders.some(Boolean)).toBe(true);
    const places = new Set(files.map((path) => relative(directory, path).split('/').slice(0, 2).join('/')));
    for (const place of ['serve.log', 'data/clickhouse', 'data/media', 'data/redis', 'data/spool'])
      expect(places).toContain(place);
  });
});

const rowsOf = (table: string): Record<string, unknown>[] => rows.get(table) ?? [];

/** Four bytes in a row turn up by chance in megabytes of video and of compressed columns; text and sixteen bytes do not. */
function tracesIn(path: string, bytes: Buffer): string[] {
  const isDense = /\.(mp4|m4s|webp|bin|cmrk\d?)$/.test(path) || path.includes('/uploads/');
  return findTraces(bytes, isDense ? TRACES.filter((trace: Trace) => trace.bytes.length > 4) : TRACES);
}

/** Every way in, with every address in every header that a proxy may put one in. */
async function useEverything(): Promise<void> {
  const browserKey = await browserKeyOf();
  const assetId = await uploadClip(browserKey);
  for (const [index, address] of ADDRESSES.entries()) {
    const send = sendFrom(address, browserKey);
    await reportWell(send, assetId, `session-of-${index}`);
    await watch(send, assetId, `session-of-${index}`);
    await reportBadly(send, assetId);
    await breakOff(address, browserKey);
  }
  const asked = await sendFrom(ADDRESSES[0] ?? '', stack.key)('POST', '/v1/decisions', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sessions: [{ sessionId: 'asked', assetId, region: 'SE', device: 'tv' }, {}] }),
  });
  expect(asked.status).toBe(200);
  await importLog(assetId);
  const learned = await fetch(`${stack.url}/v1/policy/learn?key=${stack.key}`, { method: 'POST' });
  expect(learned.status).toBe(200);
  await waitFor('dead letters in the database', async () => (await query('SELECT * FROM dead_letters')).length > 0);
}

/** What an edge's access log tells, with addresses in the bodies. */
async function importLog(assetId: string): Promise<void> {
  const send = sendFrom(ADDRESSES[1] ?? '', stack.key);
  const post = (batches: unknown) =>
    send('POST', '/v1/telemetry/imports', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ batches }),
    });
  const event = { type: 'startup', eventId: 'i1', sessionId: 'imported', assetId, startupMs: 1 };
  const events = [{ ...event, ts: new Date().toISOString() }, { type: 'not an event' }];
  for (const address of ADDRESSES) {
    expect((await post([{ source: 'cmcd1', address, headers: {}, events }])).status).toBeLessThan(300);
    expect((await post([{ source: 'no such source', address, headers: {}, events }])).status).toBe(400);
  }
}

type Sent = { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> };
type Send = (method: string, path: string, sent?: Sent) => Promise<Response>;

function sendFrom(address: string, key: string): Send {
  const bracketed = address.includes(':') ? `"[${address}]"` : address;
  return (method, path, { body, headers } = {}) =>
    fetch(new URL(path, stack.url), {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${key}`,
        'x-forwarded-for': address,
        'x-real-ip': address,
        'cf-connecting-ip': address,
        forwarded: `for=${bracketed}`,
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0',
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
}

async function reportWell(send: Send, assetId: string, sessionId: string): Promise<void> {
  const base = { sessionId, assetId, ts: new Date().toISOString() };
  const events = [
    { ...base, type: 'view_start', eventId: 'e0' },
    { ...base, type: 'startup', eventId: 'e1', startupMs: 300 },
    { ...base, type: 'error', eventId: 'e2', code: 'media', message: 'it hiccupped' },
    { ...base, type: 'view_end', eventId: 'e3', playedMs: 9000, stalledMs: 0, bytes: 99 },
    { type: 'not an event' },
  ];
  const answer = await send('POST', '/v1/telemetry', { body: JSON.stringify({ events }) });
  expect([answer.status, await answer.json()]).toMatchObject([202, { accepted: 4 }]);
  const packed = gzipSync(JSON.stringify({ ...base, type: 'progress', eventId: 'e4', playedMs: 4000 }));
  await send('POST', '/v1/telemetry', { body: new Uint8Array(packed), headers: { 'content-encoding': 'gzip' } });
  const cmcd = `cid="${assetId}",e=ps,sid="${sessionId}",sn=1,sta=p,ts=${Date.now()},v=2\ngarbage "\n`;
  const reported = await send('POST', '/v1/cmcd', { body: cmcd, headers: { 'content-type': 'application/cmcd' } });
  expect(reported.status).toBe(200);
}

async function watch(send: Send, assetId: string, sessionId: string): Promise<void> {
  const redirect = await send('GET', `/v/${assetId}/master.m3u8?sid=${sessionId}`);
  expect(redirect.status).toBe(307);
  const manifest = await send('GET', redirect.headers.get('location') ?? '');
  const playlist = /^\/?.*r\/.*index\.m3u8$/m.exec(await manifest.text())?.[0] ?? '';
  const base = new URL(playlist, new URL(redirect.headers.get('location') ?? '', stack.url)).pathname;
  const cmcd = encodeURIComponent(`br=300,cid="${assetId}",d=2000,ot=v,sf=h,sid="${sessionId}",st=v`);
  for (const path of [base, base.replace('index.m3u8', 'init.mp4'), base.replace('index.m3u8', 'seg-00000.m4s')])
    expect((await send('GET', `${path}?CMCD=${cmcd}`)).status).toBe(200);
}

async function reportBadly(send: Send, assetId: string): Promise<void> {
  const gzip = { 'content-encoding': 'gzip' };
  const wrong: [string, string, Sent?][] = [
    ['POST', '/v1/telemetry', { body: '{"events": [' }],
    ['POST', '/v1/telemetry', { body: '[]', headers: { authorization: 'Bearer guessed' } }],
    ['POST', '/v1/telemetry', { body: 'not gzip', headers: gzip }],
    ['POST', '/v1/telemetry', { body: 'x'.repeat(2 ** 21) }],
    ['POST', '/v1/telemetry', { body: '{}', headers: { 'nara-key': 'nobody', 'nara-timestamp': '1' } }],
    ['POST', '/v1/decisions', { body: '{}' }],
    ['GET', '/v/%/master.m3u8'],
    ['GET', '/v/a_nothing/master.m3u8'],
    ['GET', `/v/${assetId}/p/forged.token/master.m3u8`],
    ['GET', `/v/${assetId}/master.m3u8?sid=%20`],
    ['GET', '/nowhere'],
    ['PATCH', `/v1/uploads/u_${'x'.repeat(32)}`, { body: 'x', headers: { 'tus-resumable': '1.0.0' } }],
    ['POST', '/v1/uploads', { headers: { 'tus-resumable': '9' } }],
    ['GET', '/v1/qoe?from=yesterday'],
  ];
  expect((await send('POST', '/v1/cmcd', { body: '\u0000\u0001' })).status).toBeLessThan(500);
  for (const [method, path, sent] of wrong) {
    const { status } = await send(method, path, sent);
    expect([path, status >= 400 && status < 500]).toEqual([path, true]);
  }
}

/** A request that ends in the middle of its body. */
function breakOff(address: string, key: string): Promise<void> {
  const { hostname, port } = new URL(stack.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const head = `POST /v1/telemetry?key=${key} HTTP/1.1\r\nhost: ${hostname}\r\nx-forwarded-for: ${address}\r\n`;
      socket.end(`${head}content-length: 1000\r\n\r\n{"events":[`);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

async function uploadClip(key: string): Promise<string> {
  const clip = join(directory, 'clip.mp4');
  await makeClip(clip, { seconds: 4, width: 320, height: 180 });
  const bytes = new Uint8Array(await readFile(clip));
  const send = sendFrom(ADDRESSES[0] ?? '', key);
  const tus = { 'tus-resumable': '1.0.0' };
  const created = await send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': String(bytes.length) } });
  const location = created.headers.get('location') ?? '';
  const assetId = created.headers.get('nara-asset-id') ?? '';
  const half = bytes.length >> 1;
  for (const [offset, end] of [
    [0, half],
    [half, bytes.length],
  ] as const) {
    const headers = { ...tus, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
    const sent = await send('PATCH', new URL(location).pathname, { headers, body: bytes.slice(offset, end) });
    expect(sent.status).toBe(204);
  }
  const playable = async () => {
    const asset = (await (await send('GET', `/v1/assets/${assetId}`)).json()) as Asset;
    return asset.availability === 'complete' || asset.availability === 'upgraded' ? asset : null;
  };
  const asset = await waitFor('the clip to be encoded', playable, 60_000);
  expect(asset.context).toMatchObject({ region: 'NO', device: 'desktop' });
  return assetId;
}

async function browserKeyOf(): Promise<string> {
  return (await readFile(join(directory, 'data', 'secrets', 'browser-key'), 'utf8')).trim();
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const run = await readRunFile(join(directory, 'data'));
  const client = createClient({ url: run?.clickhouseUrl ?? '' });
  try {
    return await (await client.query({ query: sql, format: 'JSONEachRow' })).json<Record<string, unknown>>();
  } finally {
    await client.close();
  }
}

async function readTables(): Promise<Map<string, Record<string, unknown>[]>> {
  const tables = await query(
    "SELECT database, name FROM system.tables WHERE lower(database) NOT IN ('system', 'information_schema')",
  );
  const contents = new Map<string, Record<string, unknown>[]>();
  for (const { database, name } of tables) {
    contents.set(String(name), await query(`SELECT * FROM ${database}.${name}`));
  }
  return contents;
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
