import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readReportLoss } from '../../../src/telemetry/read-report-loss.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { eventRow } from './fixtures/applied-segments.ts';

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(() => engine.stop());

const HOUR_MS = 3_600_000;
const HOUR_STARTS_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS;
const range = { from: new Date(HOUR_STARTS_MS), to: new Date(HOUR_STARTS_MS + HOUR_MS) };

const reports = (sessionId: string, viewId: string, sequences: readonly number[], of: Record<string, unknown> = {}) =>
  sequences.map((sequence) =>
    eventRow(viewId, `e-${sequence}`, HOUR_STARTS_MS + 1000 + sequence, { session_id: sessionId, sequence, ...of }),
  );

describe('loss of reports', () => {
  beforeAll(() =>
    engine.database.insertRows('events', [
      // One session plays two assets and counts on; 0, 3 and 6 never came, 5 came twice.
      ...reports('two-assets', 'v1', [1, 2, 4], { source: 'cmcd2-event' }),
      ...reports('two-assets', 'v2', [5, 5, 7], { source: 'cmcd2-event' }),
      // Its requests are counted apart.
      ...reports('two-assets', 'v1', [0, 1], { source: 'cmcd2-request' }),
      // A native client counts from any start, per view; one of its batches repeated four events.
      ...reports('native', 'v3', [10, 11, 13], { source: 'beacon' }),
      ...reports('native', 'v4', [0], { source: 'beacon', repeats: 4 }),
      // First heard before the range: not of it.
      ...reports('earlier', 'v5', [0, 9], { source: 'cmcd2-event' }).map((row, index) => ({
        ...row,
        received_at: eventRow('', '', HOUR_STARTS_MS - 1 + index * 60_000).received_at,
      })),
    ]),
  );

  it('is counted per session and mode, because a session counts on from asset to asset', async () => {
    const loss = await readReportLoss(engine.database, range);
    expect(loss.bySource).toEqual([
      { source: 'beacon', reporters: 2, expected: 5, seen: 4, lost: 1, repeated: 4 },
      { source: 'cmcd2-event', reporters: 1, expected: 8, seen: 5, lost: 3, repeated: 1 },
      { source: 'cmcd2-request', reporters: 1, expected: 2, seen: 2, lost: 0, repeated: 0 },
    ]);
    expect(loss.total).toEqual({ expected: 15, seen: 11, lost: 4, repeated: 5 });
  });

  it('names the reporters that lost the most first, and no others', async () => {
    const { worst } = await readReportLoss(engine.database, range);
    expect(worst.map(({ sessionId, source, lost }) => [sessionId, source, lost])).toEqual([
      ['two-assets', 'cmcd2-event', 3],
      ['native', 'beacon', 1],
    ]);
  });

  it('is nothing where nobody counted', async () => {
    const to = new Date(HOUR_STARTS_MS - 10 * HOUR_MS);
    const loss = await readReportLoss(engine.database, { from: new Date(to.getTime() - HOUR_MS), to });
    expect(loss).toEqual({ total: { expected: 0, seen: 0, lost: 0, repeated: 0 }, bySource: [], worst: [] });
  });
});
