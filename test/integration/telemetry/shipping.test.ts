import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shipped, Shipper } from '../../../src/telemetry/spool/shipper.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';

let engine: TestDatabase;
let directory: string;
beforeAll(async () => {
  engine = await startTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'nara-shipping-'));
});
afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true });
});

describe('a segment with rows the engine refuses', () => {
  it('is stored without them, once, and they are kept with the engine’s own reason', async () => {
    const path = join(directory, '000000000000001.500.ndjson');
    const received_at = new Date().toISOString().replace('T', ' ').replace('Z', '');
    const rows = Array.from({ length: 500 }, (_, n) => ({
      segment: 'poisoned',
      view_id: 'v',
      event_id: `e${n}`,
      received_at,
    }));
    const lines = rows.map((row, n) => JSON.stringify(n % 200 === 7 ? { ...row, played_ms: 'many' } : row));
    await writeFile(path, `${lines.join('\n')}\n`);
    const shipped: Shipped[] = [];
    const shipper = new Shipper({
      database: engine.database,
      table: 'events',
      deadDirectory: join(directory, 'dead'),
      afterApply: async () => {},
      release: async () => {},
      onShipped: (result) => shipped.push(result),
    });
    shipper.enqueue({ id: 'poisoned', sequence: 1, rows: 500, bytes: 1, path, writtenAtMs: Date.now() });
    expect(await shipper.settle(30_000)).toBe(true);
    expect(shipped).toMatchObject([{ kind: 'dead-lettered', deadRows: 3 }]);
    const [stored] = await engine.database.query<{ n: number; ids: number }>(
      "SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE segment = 'poisoned'",
    );
    expect(stored).toEqual({ n: 497, ids: 497 });
    const dead = (await readFile(join(directory, 'dead', '000000000000001.500.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(dead.map((line) => JSON.parse(JSON.parse(line).line).event_id)).toEqual(['e7', 'e207', 'e407']);
    expect(JSON.parse(dead[0] ?? '').reason).toContain('played_ms');
  });
});
