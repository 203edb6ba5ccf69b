import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@clickhouse/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErasureReport } from '../../src/api/routes/erasure-routes.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import type { Audit } from '../../src/telemetry/account.ts';
import { startService, type TestService } from '../fixtures/service.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const GONE = 'session-of-ann';
const KEPT = 'session-of-bob';
const ASSET = 'a_film';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  const rendition = { width: 640, height: 360, fps: 30, codec: 'h264', bitrateKbps: 300, quality: { phone: 80 } };
  const low = { ...rendition, id: 'low' };
  const high = { ...rendition, id: 'high', bitrateKbps: 900 };
  for (const id of [ASSET, 'a_other'])
    await service.call('POST', '/v1/assets/external', { id, durationMs: 60_000, renditions: [low, high] });
  for (const sessionId of [GONE, KEPT]) await view(sessionId, ASSET);
  await view(KEPT, 'a_other');
  await ship();
});
afterAll(() => service?.stop());

/** A session watches an asset and reports, once in a way that is refused. */
async function view(sessionId: string, assetId: string): Promise<void> {
  const sessions = [{ sessionId, assetId, region: 'NO', device: 'phone' }];
  expect((await service.call('POST', '/v1/decisions', { sessions })).status).toBe(200);
  const base = { sessionId, assetId, ts: new Date().toISOString() };
  const events = [
    { ...base, type: 'startup', eventId: 'e1', startupMs: 500 },
    { ...base, type: 'view_end', eventId: 'e2', playedMs: 9000, rungMs: { low: 9000 } },
    { ...base, type: 'view_end', eventId: 'bad', playedMs: -1 },
  ];
  const { body } = await service.call('POST', '/v1/telemetry', { events });
  expect(body).toMatchObject({ accepted: 2, rejected: [{ index: 2 }] });
}

const ship = async (): Promise<void> => {
  expect((await service.call('POST', '/v1/policy/learn', {})).status).toBe(200);
};

function erase(...args: string[]): Promise<ErasureReport> {
  const env = { ...process.env, NARA_DATA_DIR: join(service.directory, 'data'), NARA_ADMIN_TOKEN: service.key };
  const asking = ['--actor', 'ann', '--reason', 'asked to be forgotten', '--json'];
  const command = ['--import', 'tsx', MAIN, 'telemetry', 'erase', ...args, ...asking];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { env }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout)),
    );
  });
}

async function urls() {
  const run = await readRunFile(join(service.directory, 'data'));
  return { clickhouse: run?.clickhouseUrl ?? '', redis: run?.redisUrl ?? '' };
}

/** Rows about a session or an asset, table by table. */
async function rowsAbout(column: 'session_id' | 'asset_id', id: string): Promise<Record<string, number>> {
  const client = createClient({ url: (await urls()).clickhouse });
  const counts: Record<string, number> = {};
  try {
    for (const table of ['events', 'decisions', 'view_outcomes', 'dead_letters']) {
      const query = `SELECT toUInt32(count()) AS n FROM ${table} WHERE ${column} = '${id}'`;
      const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{ n: number }>();
      counts[table] = rows[0]?.n ?? -1;
    }
  } finally {
    await client.close();
  }
  return counts;
}

async function standing(): Promise<string[]> {
  const redis = new Redis((await urls()).redis);
  try {
    return (await redis.keys('nara:decision:*')).map((key) => key.split('\n')[0]?.split(':')[2] ?? '').sort();
  } finally {
    redis.disconnect();
  }
}

const NOTHING = { events: 0, decisions: 0, view_outcomes: 0, dead_letters: 0 };

describe('telemetry that somebody wants erased', () => {
  it('is everywhere before', async () => {
    expect(await rowsAbout('session_id', GONE)).toEqual({ events: 2, decisions: 1, view_outcomes: 1, dead_letters: 1 });
    expect(await standing()).toEqual([GONE, KEPT, KEPT]);
  });

  it('is gone of a session, and nobody else’s is', async () => {
    const before = await rowsAbout('session_id', KEPT);
    const report = await erase('--session', GONE);
    expect(report.rows).toMatchObject({ events: 2, decisions: 1, deadLetters: 1, deadRows: 0 });
    expect(await rowsAbout('session_id', GONE)).toEqual(NOTHING);
    expect(await rowsAbout('session_id', KEPT)).toEqual(before);
    expect(await standing()).toEqual([KEPT, KEPT]);
  });

  it('does not come back with what arrives late', async () => {
    const late = { type: 'progress', eventId: 'late', sessionId: GONE, assetId: ASSET, ts: new Date().toISOString() };
    expect((await service.call('POST', '/v1/telemetry', { events: [late] })).status).toBe(202);
    await ship();
    expect(await rowsAbout('session_id', GONE)).toEqual(NOTHING);
  });

  it('is accounted for as erased', async () => {
    const { body } = await service.call<Audit>('GET', '/v1/telemetry/audit');
    expect(body).toMatchObject({ balanced: true, erased: 3 });
  });

  it('is gone of an owner’s assets, and may be asked for again', async () => {
    expect((await erase('--owner', 'external')).rows.events).toBe(4);
    expect(await rowsAbout('asset_id', ASSET)).toEqual(NOTHING);
    expect(await rowsAbout('asset_id', 'a_other')).toEqual(NOTHING);
    expect(await standing()).toEqual([]);
    expect((await erase('--owner', 'external')).rows.events).toBe(0);
    expect((await erase('--asset', ASSET)).rows.events).toBe(0);
  });
});
