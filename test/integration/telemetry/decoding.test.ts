import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDecisions } from '../../../src/telemetry/decision-row.ts';
import { readDecoding } from '../../../src/telemetry/read-decoding.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { insertViews, type WrittenView } from './fixtures/insert-views.ts';

const DAY_MS = 24 * 3_600_000;

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
  await insertViews(engine.database, [
    view('offered', 'a_1', { decodes: ['av1'], codec: { codec: 'av1', propensity: 0.95 } }),
    view('held-back', 'a_1', { decodes: ['hevc', 'av1'], codec: { codec: 'h264', propensity: 0.05 } }),
    view('silent', 'a_1', {}),
    view('elsewhere', 'a_2', { decodes: ['av1'] }),
    view('other-codec', 'a_3', { decodes: ['hevc'] }),
    view('old', 'a_1', { decodes: ['av1'] }, 40),
  ]);
});
afterAll(() => engine.stop());

const view = (viewId: string, assetId: string, decision: WrittenView['decision'], daysAgo = 1): WrittenView => ({
  viewId,
  assetId,
  atMs: Date.now() - daysAgo * DAY_MS,
  context: { region: 'NO', device: 'phone', connection: 'wifi' },
  decided: { arm: 'baseline' },
  ...(decision ? { decision } : {}),
  told: [],
});

it('views are counted whose players say that they decode a codec, of the assets asked about and of all', async () => {
  const { everyone, assets } = await readDecoding(engine.database, 'av1', ['a_1', 'a_3', 'a_9']);
  expect(everyone).toEqual({ views: 5, decoding: 3 });
  expect(assets.get('a_1')).toEqual({ views: 3, decoding: 2 });
  expect(assets.get('a_3')).toEqual({ views: 1, decoding: 0 });
  expect(assets.get('a_9')).toBeUndefined();
});

it('a decision read back says what its player decodes, and which codec was drawn', async () => {
  const read = async (viewId: string) => (await findDecisions(engine.database, [viewId]))[0];
  expect(await read('offered')).toMatchObject({ decodes: ['av1'], codec: { codec: 'av1', propensity: 0.95 } });
  expect(await read('held-back')).toMatchObject({ codec: { codec: 'h264', propensity: 0.05 } });
  const silent = await read('silent');
  expect(silent).not.toHaveProperty('decodes');
  expect(silent).not.toHaveProperty('codec');
});

it('what docs/media.md gives to see what AV1 does compares the views that could have had it', async () => {
  const page = await readFile(new URL('../../../docs/media.md', import.meta.url), 'utf8');
  const [, sql = ''] = /```sql\n([\s\S]*?)```/.exec(page) ?? [];
  const rows = await engine.database.query<{ codec: string; views: number }>(sql);
  expect(rows.map(({ codec, views }) => [codec, Number(views)]).sort()).toEqual([
    ['av1', 1],
    ['h264', 1],
  ]);
});
