import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TelemetryEvent } from '../../../src/domain/index.ts';
import { foldSegment } from '../../../src/telemetry/fold-segment.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { toEventRow } from '../../fixtures/event-row.ts';

let engine: TestDatabase;
let directory: string;
beforeAll(async () => {
  engine = await startTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'nara-outcomes-'));
});
afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true });
});

const context = { region: 'NO', device: 'phone', connection: 'cellular' } as const;
/** Recent, because raw rows older than 90 days are dropped on arrival. */
const RECEIVED_MS = Date.now() - 3_600_000;
let segments = 0;

type Sent = { viewId: string; event: TelemetryEvent; receivedAtMs: number };

/** One segment: inserted, then folded, as the shipper does it. */
async function ship(sent: readonly Sent[]): Promise<void> {
  segments += 1;
  const id = `segment-${segments}`;
  const path = join(directory, id);
  const rows = sent.map(({ viewId, event, receivedAtMs }) => ({
    segment: id,
    ...toEventRow(event, { viewId, context, receivedAtMs, source: 'beacon', block: '', trusted: false }),
  }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await engine.database.insertFile('events', path, id);
  await foldSegment(engine.database, id);
}

const base = { sessionId: 's', assetId: 'a', ts: '2026-03-01T12:00:00.000Z' };
const durations = fc.nat(100_000);

/** Events of a view as a player makes them: counters only rise. */
const viewArbitrary = fc
  .array(
    fc.record({ played: durations, stalled: fc.nat(2000), low: durations, switchesUp: fc.nat(2), bytes: fc.nat(1e6) }),
    { minLength: 1, maxLength: 5 },
  )
  .chain((steps) =>
    fc.record({
      events: fc.constant(
        steps.reduce<{ total: Record<string, number>; events: TelemetryEvent[] }>(
          ({ total, events }, step, index) => {
            const next = {
              playedMs: (total.playedMs ?? 0) + step.played,
              stalledMs: (total.stalledMs ?? 0) + step.stalled,
              low: (total.low ?? 0) + step.low,
              switchesUp: (total.switchesUp ?? 0) + step.switchesUp,
              bytes: (total.bytes ?? 0) + step.bytes,
            };
            const stall: TelemetryEvent = {
              ...base,
              type: 'stall',
              eventId: `stall-${index}`,
              durationMs: step.stalled,
              cause: 'buffer',
            };
            const progress: TelemetryEvent = {
              ...base,
              type: index === steps.length - 1 ? 'view_end' : 'progress',
              eventId: `progress-${index}`,
              playedMs: next.playedMs,
              stalledMs: next.stalledMs,
              rungMs: { low: next.low },
              switchesUp: next.switchesUp,
              bytes: next.bytes,
            };
            return { total: next, events: [...events, stall, progress] };
          },
          {
            total: {},
            events: [
              { ...base, type: 'view_start', eventId: 'start' },
              { ...base, type: 'startup', eventId: 'startup', startupMs: 420 },
            ],
          },
        ).events,
      ),
      /** Which events are sent again, and in which order all of them arrive. */
      again: fc.array(fc.nat(12), { maxLength: 6 }),
      order: fc.infiniteStream(fc.nat(1_000_000)).map((stream) => [...stream.take(40)]),
      cut: fc.nat(20),
    }),
  );

const OUTCOME =
  'SELECT * EXCEPT (view_id, event_rows, first_received_at, last_received_at, received_hours) FROM view_outcomes FINAL WHERE view_id = {viewId:String}';

describe('outcome fold', () => {
  it('gives the same row whether events come in order or shuffled, doubled, late and in several segments', async () => {
    const views = fc.sample(viewArbitrary, { numRuns: 60, seed: 7 });
    const tidy: Sent[] = [];
    const early: Sent[] = [];
    const late: Sent[] = [];
    for (const [index, { events, again, order, cut }] of views.entries()) {
      const doubled = [...events, ...again.flatMap((pick) => events[pick % events.length] ?? [])];
      const shuffled = doubled
        .map((event, at) => ({ event, rank: order[at] ?? 0 }))
        .sort((left, right) => left.rank - right.rank);
      tidy.push(...events.map((event, at) => ({ viewId: `tidy-${index}`, event, receivedAtMs: RECEIVED_MS + at })));
      for (const [at, { event }] of shuffled.entries()) {
        const sent = { viewId: `messy-${index}`, event, receivedAtMs: RECEIVED_MS + at * 60_000 };
        (at < cut ? early : late).push(sent);
      }
    }
    await ship(tidy);
    await ship(early);
    await ship(late);
    await ship(early.slice(0, 50));
    for (const index of views.keys()) {
      const [expected] = await engine.database.query(OUTCOME, { viewId: `tidy-${index}` });
      const rows = await engine.database.query(OUTCOME, { viewId: `messy-${index}` });
      expect(rows).toEqual([expected]);
    }
  });

  it('is not changed by folding everything again', async () => {
    const before = await engine.database.query('SELECT * FROM view_outcomes FINAL ORDER BY view_id');
    await engine.database.command(FOLD_ALL_SQL);
    expect(await engine.database.query('SELECT * FROM view_outcomes FINAL ORDER BY view_id')).toEqual(before);
    expect(before.length).toBeGreaterThan(100);
  });

  it('takes the counters where a stall event was lost, and the stall events where the counters were', async () => {
    const stall = (n: number): TelemetryEvent => ({
      ...base,
      type: 'stall',
      eventId: `stall-${n}`,
      durationMs: 1000,
      cause: 'buffer',
    });
    const progress: TelemetryEvent = {
      ...base,
      type: 'progress',
      eventId: 'p',
      playedMs: 5000,
      stalledMs: 2500,
      stallCount: 3,
    };
    await ship([stall(1), progress].map((event) => ({ viewId: 'lost-stall', event, receivedAtMs: RECEIVED_MS })));
    await ship(
      [stall(1), stall(2), stall(3), stall(3)].map((event) => ({
        viewId: 'lost-counter',
        event,
        receivedAtMs: RECEIVED_MS,
      })),
    );
    const rows = await engine.database.query(
      "SELECT view_id, stalled_ms, stall_count FROM view_outcomes FINAL WHERE view_id LIKE 'lost-%' ORDER BY view_id",
    );
    expect(rows).toEqual([
      { view_id: 'lost-counter', stalled_ms: 3000, stall_count: 3 },
      { view_id: 'lost-stall', stalled_ms: 2500, stall_count: 3 },
    ]);
  });

  it('keeps seeking apart from stalling', async () => {
    const seek: TelemetryEvent = { ...base, type: 'stall', eventId: 'seek', durationMs: 700, cause: 'seek' };
    await ship([{ viewId: 'seeker', event: seek, receivedAtMs: RECEIVED_MS }]);
    const [row] = await engine.database.query<Record<string, unknown>>(
      "SELECT stalled_ms, seek_stalled_ms, stall_count FROM view_outcomes FINAL WHERE view_id = 'seeker'",
    );
    expect(row).toEqual({ stalled_ms: 0, seek_stalled_ms: 700, stall_count: 0 });
  });
});
