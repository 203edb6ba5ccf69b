import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../src/telemetry/database.ts';
import { toClickHouseTime } from '../../../src/telemetry/event-line.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { migrate } from '../../../src/telemetry/schema/migrate.ts';
import { PASSWORD, type Spawned, spawnClickHouse } from './fixtures/spawn-clickhouse.ts';

const CAP_BYTES = 1024 ** 3;
const VIEWS = 250_000;
const REPORTS = 8;
/** Raw rows without a time are older than 90 days and dropped on arrival. */
const received_at = toClickHouseTime(Date.now());

let directory: string;
let clickhouse: Spawned;
let database: Database;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-clickhouse-'));
  clickhouse = await spawnClickHouse(directory, { NARA_CLICKHOUSE_MAX_MEMORY_BYTES: String(CAP_BYTES) });
  const url = new URL(clickhouse.url);
  url.username = 'default';
  url.password = PASSWORD;
  database = createDatabase(url.href);
  await migrate(database);
});
afterAll(async () => {
  await database?.close();
  await clickhouse?.stop();
  await rm(directory, { recursive: true });
});

/** The most memory the process has had in RAM since it started: the kernel's own high-water mark. */
async function peakBytes(): Promise<number> {
  const status = await readFile(`/proc/${clickhouse.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

const fillSql = (fromView: number, views: number) => `
INSERT INTO events (segment, view_id, event_id, type, session_id, asset_id, ts, received_at, region, device, connection,
  startup_ms, played_ms, stalled_ms, stall_count, bytes, rung_ms, viewport_height)
SELECT 'filled', concat('v_', substring(hex(sipHash128(intDiv(number, ${REPORTS}))), 1, 22)) AS view,
  concat('e', toString(number % ${REPORTS})), 'progress', concat('s-', view), 'a_${'0'.repeat(22)}', now64(3), now64(3), 'NO', 'phone', 'wifi',
  900, number % ${REPORTS} * 10000, number % 7 * 100, number % 3, number % ${REPORTS} * 2000000,
  map('360p-459k-1a2b3c4d', toUInt32(10000), '720p-1810k-3c4d5e6f', toUInt32(number % ${REPORTS} * 10000)), 720
FROM numbers(${fromView * REPORTS}, ${views * REPORTS})`;

const GREEDY =
  'SELECT count() FROM (SELECT view_id, event_id, groupArray(message) FROM events GROUP BY view_id, event_id)';

describe('a process with a memory cap of 1 GiB', () => {
  it('takes two large bodies at once, loads and folds millions of rows, and stays under its cap', async () => {
    const body = (name: string) =>
      Array.from({ length: 40_000 }, (_, n) => ({
        segment: name,
        view_id: '',
        received_at,
        event_id: `e${n}`,
        message: 'x'.repeat(400),
      }));
    await Promise.all(['one', 'two'].map((name) => database.insertRows('events', body(name))));
    expect(await database.query('SELECT count() AS rows FROM events')).toEqual([{ rows: 80_000 }]);
    for (let part = 0; part < 4; part += 1) await database.command(fillSql((part * VIEWS) / 4, VIEWS / 4));
    await database.command(FOLD_ALL_SQL);
    const [folded] = await database.query<{ views: number; events: number }>(
      'SELECT count() AS views, sum(event_rows) AS events FROM view_outcomes FINAL',
    );
    expect(folded).toEqual({ views: VIEWS, events: VIEWS * REPORTS });
    expect(await peakBytes()).toBeLessThan(CAP_BYTES);
  });

  it('ends greedy statements with a typed error that is worth trying again, and goes on under its cap', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        database.query(`${GREEDY} SETTINGS max_bytes_ratio_before_external_group_by = 0`),
      ),
    );
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(errors).not.toHaveLength(0);
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'DatabaseError', code: 'MEMORY_LIMIT_EXCEEDED', permanent: false });
    }
    await database.insertRows('events', [{ segment: 'after', view_id: 'v', event_id: 'e', received_at }]);
    expect(await database.query("SELECT event_id FROM events WHERE segment = 'after'")).toEqual([{ event_id: 'e' }]);
    expect(await peakBytes()).toBeLessThan(CAP_BYTES);
  });
});
