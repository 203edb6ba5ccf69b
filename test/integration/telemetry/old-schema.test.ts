import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedClickHouse } from '../../../src/clickhouse/start.ts';
import { composeTelemetry } from '../../../src/commands/compose-telemetry.ts';
import { readConfig } from '../../../src/config.ts';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import { telemetryHooks } from './fixtures/telemetry-hooks.ts';

const log = pino({ level: 'silent' });

let dataDir: string;
let server: Awaited<ReturnType<typeof startEmbeddedClickHouse>>;
let database: Database;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-old-schema-'));
  server = await startEmbeddedClickHouse({
    dataDir: join(dataDir, 'clickhouse'),
    host: '127.0.0.1',
    port: 0,
    password: 'test',
    maxMemoryBytes: 1024 ** 3,
    log,
  });
  database = createDatabase(`http://default:test@127.0.0.1:${server.port}`);
});
afterAll(async () => {
  await database.close();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

/** A database that gets no further than the first change to a table that is there: an older version's schema. */
function heldBack(): { database: Database; isHeld: Promise<void>; goOn(): void } {
  let [sayHeld, goOn] = [(): void => {}, (): void => {}];
  const isHeld = new Promise<void>((resolve) => {
    sayHeld = resolve;
  });
  const goingOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  return {
    isHeld,
    goOn: () => goOn(),
    database: {
      ...database,
      async command(sql, params, id) {
        if (/^\s*ALTER TABLE events\b/.test(sql)) {
          sayHeld();
          await goingOn;
        }
        return database.command(sql, params, id);
      },
    },
  };
}

describe('events that come in while the schema is still an older one', () => {
  it('wait for the columns that they need: a server drops what it has no column for, and says nothing', async () => {
    const held = heldBack();
    const telemetry = composeTelemetry(
      readConfig({ NARA_DATA_DIR: dataDir }),
      held.database,
      telemetryHooks({ attribute: () => ({ kind: 'view', viewId: 'v', decidedAtMs: null }) }),
      log,
    );
    await telemetry.start();
    await held.isHeld;
    expect((await database.query<{ n: number }>('SELECT count() AS n FROM events'))[0]?.n).toBe(0);
    await telemetry.ingest(
      [{ type: 'view_start', eventId: 'e', sessionId: 's', assetId: 'a', ts: new Date().toISOString(), sequence: 7 }],
      {
        source: 'cmcd2-event',
        context: { region: 'NO', device: 'tv', connection: 'wired' },
        block: '0123456789abcdef',
        trusted: true,
      },
    );
    expect(await telemetry.shipNow(1_000)).toBe(false);
    held.goOn();
    expect(await telemetry.shipNow(30_000)).toBe(true);
    expect(await database.query('SELECT source, block, trusted, sequence FROM events')).toEqual([
      { source: 'cmcd2-event', block: '0123456789abcdef', trusted: true, sequence: 7 },
    ]);
    await telemetry.stop();
  });

  it('keep nobody from stopping', async () => {
    const away: Database = { ...database, command: () => Promise.reject(new Error('away')) };
    const telemetry = composeTelemetry(
      readConfig({ NARA_DATA_DIR: join(dataDir, 'other') }),
      away,
      telemetryHooks({ attribute: () => ({ kind: 'view', viewId: 'v', decidedAtMs: null }) }),
      log,
    );
    await telemetry.start();
    await telemetry.logDecisions([]);
    await telemetry.ingest([{ type: 'rubbish' }], {
      source: 'beacon',
      context: { region: 'ZZ', device: 'unknown', connection: 'unknown' },
      block: '',
      trusted: false,
    });
    expect(await telemetry.shipNow(100)).toBe(false);
    await telemetry.stop();
    expect(telemetry.gauges().find(({ spool }) => spool === 'dead_letters')?.waiting).toBe(1);
  });
});
