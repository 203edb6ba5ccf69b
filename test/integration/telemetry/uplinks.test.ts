import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUplinks, readUplinksByContext } from '../../../src/telemetry/read-uplinks.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
  await engine.database.insertRows('events', ROWS);
});
afterAll(() => engine.stop());

const MB = 1_000_000;
const AT = new Date().toISOString().replace('T', ' ').replace('Z', '');
type Told = { session: string; bytes: number; ms: number } & Record<string, unknown>;
const told = ({ session, bytes, ms, ...rest }: Told) => ({
  segment: 'seed',
  view_id: '',
  event_id: `e-${bytes}`,
  type: 'upload_progress',
  session_id: session,
  asset_id: 'a_1',
  ts: AT,
  received_at: AT,
  source: 'server',
  region: 'NO',
  device: 'phone',
  connection: 'unknown',
  bytes,
  elapsed_ms: ms,
  ...rest,
});

const ROWS = [
  // Nine phones in Norway at 1 … 9 Mbit/s.
  ...Array.from({ length: 9 }, (_, n) => told({ session: `no-${n}`, bytes: MB, ms: Math.round(8000 / (n + 1)) })),
  // One of them told more, and repeated an old report: still one upload, and still 5 Mbit/s.
  told({ session: 'no-4', bytes: MB / 2, ms: 800 }),
  told({ session: 'no-4', bytes: MB / 2, ms: 800 }),
  told({ session: 'no-0', type: 'upload_end', event_id: 'end', bytes: MB, ms: 8000, abandoned: true }),
  told({ session: 'se', bytes: 10 * MB, ms: 8000, region: 'SE', device: 'desktop' }),
  told({ session: 'no-desktop', bytes: 2 * MB, ms: 8000, device: 'desktop' }),
  // Too small to say anything of a line, but an upload.
  told({ session: 'small', bytes: 1000, ms: 100, region: 'DE' }),
  told({ session: 'never', type: 'upload_end', event_id: 'end', bytes: 0, ms: 0, region: 'DE', abandoned: true }),
  // What clients say of themselves.
  told({ session: 'client-1', bytes: 900 * MB, ms: 100, source: 'beacon' }),
  told({ session: 'client-2', bytes: 900 * MB, ms: 100, source: 'beacon' }),
  told({ session: 'no-4', bytes: 900 * MB, ms: 100, source: 'beacon' }),
  // Long ago, and no upload at all.
  told({ session: 'old', bytes: MB, ms: 8, received_at: '2020-01-01 00:00:00.000' }),
  told({ session: 'view', view_id: 'v', type: 'progress', bytes: MB, ms: 8 }),
];

describe('uplinks', () => {
  it('are one figure per upload of a context, whatever clients say', async () => {
    expect(await readUplinks(engine.database, { region: 'NO', device: 'phone' })).toEqual({
      uploads: 9,
      abandoned: 1,
      clientUploads: 3,
      uplinkKbps: { p10: expect.closeTo(1800, -1), p50: expect.closeTo(5000, -1), p90: expect.closeTo(8200, -1) },
    });
  });

  it('can be asked of a region, of a device, and of everywhere', async () => {
    expect(await readUplinks(engine.database, { region: 'NO' })).toMatchObject({ uploads: 10, clientUploads: 3 });
    expect(await readUplinks(engine.database, { device: 'desktop' })).toMatchObject({
      uploads: 2,
      uplinkKbps: { p50: expect.closeTo(6000, -1) },
    });
    expect(await readUplinks(engine.database, {})).toMatchObject({ uploads: 13, abandoned: 2 });
  });

  it('are unknown where nothing was large enough, which is not slow', async () => {
    expect(await readUplinks(engine.database, { region: 'DE', device: 'phone' })).toEqual({
      uploads: 2,
      abandoned: 1,
      clientUploads: 0,
      uplinkKbps: null,
    });
    expect(await readUplinks(engine.database, { region: 'US', device: 'tv' })).toEqual({
      uploads: 0,
      abandoned: 0,
      clientUploads: 0,
      uplinkKbps: null,
    });
  });

  it('come for every region and device there is', async () => {
    const all = await readUplinksByContext(engine.database);
    expect(all.map(({ region, device, uploads }) => [region, device, uploads])).toEqual([
      ['NO', 'phone', 9],
      ['DE', 'phone', 2],
      ['NO', 'desktop', 1],
      ['SE', 'desktop', 1],
    ]);
    expect(all[2]?.uplinkKbps?.p50).toBeCloseTo(2000, 0);
  });
});
