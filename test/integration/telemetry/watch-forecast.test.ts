import { afterAll, beforeAll, expect, it } from 'vitest';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { readWatchForecast } from '../../../src/telemetry/read-watch.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { toEventRow } from '../../fixtures/event-row.ts';

const DAY_MS = 24 * 3_600_000;

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(() => engine.stop());

/** A view of a minute and 6 MB that ended so many days ago. */
function watched(assetId: string, daysAgo: number, n = 0) {
  const receivedAtMs = Date.now() - daysAgo * DAY_MS;
  const viewId = `v-${assetId}-${daysAgo}-${n}`;
  const told = { type: 'view_end', eventId: 'end', sessionId: viewId, assetId, playedMs: 60_000, bytes: 6e6 } as const;
  const event = { ...told, ts: new Date(receivedAtMs).toISOString(), stalledMs: 0, startupMs: 500 };
  const origin = { viewId, receivedAtMs, context: { region: 'NO', device: 'phone', connection: 'wifi' } } as const;
  return { segment: 'seed', ...toEventRow(event, { ...origin, source: 'beacon', block: '', trusted: false }) };
}

it('what is still to be watched is what was, each view half as much for every week since', async () => {
  const rows = [watched('a_new', 0), watched('a_new', 0, 1), watched('a_old', 14), watched('a_gone', 60)];
  await engine.database.insertRows('events', rows);
  await engine.database.command(FOLD_ALL_SQL);
  const forecast = await readWatchForecast(engine.database);
  expect([...forecast.keys()]).toEqual(['a_new', 'a_old']);
  expect(forecast.get('a_new')).toEqual({ seconds: expect.closeTo(120, 0), megabytes: expect.closeTo(12, 1) });
  expect(forecast.get('a_old')).toEqual({ seconds: expect.closeTo(15, 0), megabytes: expect.closeTo(1.5, 1) });
});
