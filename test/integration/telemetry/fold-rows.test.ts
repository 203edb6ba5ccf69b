import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toClickHouseTime } from '../../../src/telemetry/event-line.ts';
import { foldSegment } from '../../../src/telemetry/fold-segment.ts';
import { FOLD_ALL_SQL, FOLD_COUNTED_SEGMENT_SQL, ROWS_OF_SEGMENTS_VIEWS } from '../../../src/telemetry/outcome-fold.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';

const HOUR_MS = 3_600_000;
/** Raw rows older than 90 days are dropped on arrival. */
const OLDEST_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 10 * 24 * HOUR_MS;

let engine: TestDatabase;
let segments = 0;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(async () => {
  await engine.stop();
});

type Report = { view: string; hour: number; playedMs: number };

/** Inserts and folds one segment, as the shipper does. */
async function applySegment(reports: readonly Report[]): Promise<void> {
  segments += 1;
  const segment = `segment-${segments}`;
  const rows = reports.map(({ view, hour, playedMs }, row) => ({
    segment,
    view_id: view,
    event_id: `e-${segments}-${row}`,
    type: 'progress',
    received_at: toClickHouseTime(OLDEST_MS + hour * HOUR_MS + row),
    played_ms: playedMs,
  }));
  await engine.database.insertRows('events', rows);
  await foldSegment(engine.database, segment);
}

const outcomesOf = (prefix: string) =>
  engine.database.query(`SELECT * FROM view_outcomes FINAL WHERE startsWith(view_id, '${prefix}') ORDER BY view_id`);

describe('the fold of a segment', () => {
  it('takes in all rows of its views, in whatever hours and order they came', async () => {
    const report = fc.record({
      view: fc.nat(20).map((n) => `any-${n}`),
      hour: fc.nat(70),
      playedMs: fc.nat(100_000),
    });
    const applied = fc.sample(fc.array(report, { minLength: 5, maxLength: 20 }), 5);
    for (const reports of applied) await applySegment(reports);
    const folded = await outcomesOf('any-');
    expect(folded).toHaveLength(new Set(applied.flat().map(({ view }) => view)).size);
    await engine.database.command('TRUNCATE TABLE view_outcomes');
    await engine.database.command(FOLD_ALL_SQL);
    expect(await outcomesOf('any-')).toEqual(folded);
  });

  it('finds the rows of an outcome that does not say in which hours they came', async () => {
    await applySegment([{ view: 'former', hour: 1, playedMs: 9 }]);
    await applySegment([{ view: 'former', hour: 50, playedMs: 5 }]);
    await engine.database.command(
      "ALTER TABLE view_outcomes UPDATE received_hours = [] WHERE view_id = 'former' SETTINGS mutations_sync = 2",
    );
    await applySegment([{ view: 'former', hour: 90, playedMs: 3 }]);
    expect(await outcomesOf('former')).toMatchObject([{ event_rows: 3, played_ms: 9 }]);
  });

  it('that looked for CMCD reports too early loses to the one that saw them', async () => {
    const at = { received_at: toClickHouseTime(OLDEST_MS), view_id: 'both', type: 'progress' };
    await engine.database.insertRows('events', [
      { ...at, segment: 'native', event_id: 'e' },
      { ...at, segment: 'reported', event_id: 'r', source: 'cmcd2-event', state: 'failed' },
    ]);
    await foldSegment(engine.database, 'reported');
    await engine.database.command(FOLD_COUNTED_SEGMENT_SQL, { segment: 'native' });
    expect(await outcomesOf('both')).toMatchObject([{ event_rows: 2, fatal: true }]);
  });

  it('reads the granules of its views’ hours, not all there are', async () => {
    await engine.database.command(`
      INSERT INTO events (segment, view_id, event_id, type, received_at)
      SELECT 'many', concat('m-', toString(sipHash64(number))), 'e', 'progress',
        fromUnixTimestamp64Milli(toInt64(${OLDEST_MS} + number * 400)) FROM numbers(500000)`);
    await applySegment(Array.from({ length: 50 }, (_, n) => ({ view: `few-${n}`, hour: 20, playedMs: n })));
    const plan = await engine.database.query<{ explain: string }>(
      `EXPLAIN indexes = 1 SELECT count() FROM events AS e WHERE ${ROWS_OF_SEGMENTS_VIEWS}`,
      { segment: `segment-${segments}` },
    );
    const read = plan.flatMap(({ explain }) => /^\s*Granules: (\d+)\/(\d+)/.exec(explain)?.slice(1).map(Number) ?? []);
    expect(Math.max(...read)).toBeGreaterThan(60);
    expect(read.at(-2)).toBeLessThan(15);
  });
});
