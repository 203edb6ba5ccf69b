import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TelemetryEvent } from '../../../src/domain/index.ts';
import { audit, writeLedger } from '../../../src/telemetry/account.ts';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { toEventRow } from '../../fixtures/event-row.ts';

const HOUR_MS = 3_600_000;
/** In the middle of an hour, young enough to be kept. */
const HOUR_START_MS = (Math.floor(Date.now() / HOUR_MS) - 2) * HOUR_MS;
const RECEIVED_AT_MS = HOUR_START_MS + HOUR_MS / 2;
const CONTEXT = { region: 'NO', device: 'phone', connection: 'wifi' } as const;

let test: TestDatabase;
let abroad: Database | undefined;
beforeAll(async () => {
  test = await startTestDatabase();
});
afterAll(() => test.stop());

describe.each(['America/Los_Angeles', 'Europe/Berlin', 'Asia/Kolkata'])('a database that lives in %s', (zone) => {
  beforeAll(() => {
    abroad = createDatabase(`${test.url}/?clickhouse_setting_session_timezone=${zone}`);
  });
  afterAll(() => abroad?.close());

  it('accounts for events in the hours in which they came', async () => {
    if (!abroad) throw new Error('no database');
    expect(await abroad.query('SELECT timezone() AS zone')).toEqual([{ zone }]);
    const segment = { id: `s-${zone}`, sequence: 1, rows: 3, bytes: 1, path: '', writtenAtMs: RECEIVED_AT_MS };
    const rows = [1, 2, 3].map((n) => {
      const event = { type: 'startup', eventId: `${zone} ${n}`, sessionId: 's1', assetId: 'a_1', startupMs: 100 };
      const origin = {
        context: CONTEXT,
        receivedAtMs: RECEIVED_AT_MS,
        source: 'server',
        block: '',
        trusted: true,
      } as const;
      const row = toEventRow({ ...event, ts: new Date(RECEIVED_AT_MS).toISOString() } as TelemetryEvent, {
        ...origin,
        viewId: 'v_1',
      });
      return { ...row, segment: segment.id };
    });
    await abroad.insertRows('events', rows);
    await writeLedger(abroad, 'events', segment, 0);
    const range = { fromMs: RECEIVED_AT_MS - HOUR_MS, toMs: RECEIVED_AT_MS + HOUR_MS };
    const seen = await audit(abroad, [], range);
    expect(seen).toMatchObject({ balanced: true, unaccounted: 0 });
    expect(seen.hours.map(({ hour }) => hour)).toEqual([new Date(HOUR_START_MS).toISOString().replace('.000', '')]);
    expect(seen.stored).toBeGreaterThan(0);
    expect(seen.distinctEvents).toBe(seen.stored);
  });
});
