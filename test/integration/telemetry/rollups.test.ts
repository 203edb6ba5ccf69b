import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qoeAggregates, ROLLUP_KEYS } from '../../../src/telemetry/qoe-aggregates.ts';
import { ROLLUPS_SELECT, rebuildRollups } from '../../../src/telemetry/rollups.ts';
import { collectBuilds } from '../../../src/telemetry/rollups-collect.ts';
import { markHours, readDirtyHours } from '../../../src/telemetry/rollups-dirty.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { apply, applySteps, decisionRow, eventRow, type TestSegment } from './fixtures/applied-segments.ts';

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(() => engine.stop());

const clips = { stallRatioClip: 0.5, startupClipSeconds: 10, switchesPerMinuteClip: 10 };
const HOUR_MS = 3_600_000;
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 10 * HOUR_MS;

const COLUMNS = qoeAggregates(clips).map(({ column }) => column);
const ORDER = `ORDER BY hour, ${ROLLUP_KEYS.join(', ')}`;
const DIRECT = `SELECT toStartOfHour(view_at) AS hour, ${ROLLUP_KEYS.join(', ')}, ${qoeAggregates(clips)
  .map(({ column, fromViews }) => `${fromViews} AS ${column}`)
  .join(', ')} FROM scored_views GROUP BY hour, ${ROLLUP_KEYS.join(', ')} ${ORDER}`;
const ROLLED_UP = `SELECT hour, ${[...ROLLUP_KEYS, ...COLUMNS].join(', ')} FROM (${ROLLUPS_SELECT}) ${ORDER}`;

/** Sums of floats may differ in the last digits by the order they were made in. */
const rounded = (value: unknown): unknown => {
  if (typeof value === 'number') return Number(value.toPrecision(9));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]));
  return value;
};

async function expectExactRollups(): Promise<Record<string, unknown>[]> {
  const [direct, rolledUp] = [
    await engine.database.query<Record<string, unknown>>(DIRECT),
    await engine.database.query<Record<string, unknown>>(ROLLED_UP),
  ];
  expect(rounded(rolledUp)).toEqual(rounded(direct));
  return direct;
}

async function rebuildAll(): Promise<void> {
  for (;;) if ((await rebuildRollups(engine.database, { clips })).remaining === 0) return;
}

let runs = 0;
const at = fc.nat(4 * HOUR_MS - 1).map((ms) => START_MS + ms);
const view = fc.nat(5);
const segmentArbitrary = fc.oneof(
  fc.record({
    stream: fc.constant('events' as const),
    rows: fc.array(fc.tuple(view, fc.nat(3), at, fc.nat(60_000), fc.boolean()), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    stream: fc.constant('decisions' as const),
    rows: fc.array(fc.tuple(view, fc.nat(3), at, fc.nat(1), fc.boolean()), { minLength: 1, maxLength: 2 }),
  }),
);
/** A segment, how far its first application gets before a kill, and what happens meanwhile. */
const scriptArbitrary = fc.array(
  fc.record({
    segment: segmentArbitrary,
    stopAfter: fc.nat(5),
    rebuildAfter: fc.nat(8),
    again: fc.boolean(),
    two: fc.boolean(),
  }),
  { minLength: 3, maxLength: 8 },
);

describe('roll-ups', () => {
  it('end as a direct aggregation of all views, whatever order segments, kills, late events and rebuilds come in', async () => {
    await fc.assert(
      fc.asyncProperty(scriptArbitrary, async (script) => {
        runs += 1;
        const unfinished: TestSegment[] = [];
        for (const [index, { segment, stopAfter, rebuildAfter, again, two }] of script.entries()) {
          const made = segmentOf(`${runs}-${index}`, segment);
          const steps = applySteps(engine.database, made);
          for (const [step, run] of steps.entries()) {
            if (step === stopAfter) unfinished.push(made);
            if (step >= stopAfter) break;
            await run();
            if (step === rebuildAfter) {
              await Promise.all(Array.from({ length: two ? 2 : 1 }, () => rebuildRollups(engine.database, { clips })));
            }
          }
          const other = again ? unfinished.shift() : undefined;
          if (other) await apply(engine.database, other);
        }
        for (const segment of unfinished) await apply(engine.database, segment);
        await rebuildAll();
        const rows = await expectExactRollups();
        expect(rows.length).toBeGreaterThan(0);
        expect(await readDirtyHours(engine.database, { clips })).toEqual([]);
      }),
      { numRuns: 6 },
    );
  }, 240_000);

  it('lose the groups that no longer are: a view only heard of moves to the hour and the arm it was decided in', async () => {
    await apply(engine.database, {
      id: 'heard',
      stream: 'events',
      writtenAtMs: START_MS + 6 * HOUR_MS,
      rows: [eventRow('mover', 'e', START_MS + 6 * HOUR_MS, { asset_id: 'a_mover', played_ms: 10 })],
    });
    await rebuildAll();
    const moved = () =>
      engine.database.query(
        `SELECT dateDiff('hour', toDateTime(${START_MS / 1000}), hour) AS after, arm, views FROM (${ROLLUPS_SELECT}) WHERE asset_id = 'a_mover'`,
      );
    expect(await moved()).toEqual([{ after: 6, arm: '', views: 1 }]);
    await apply(engine.database, {
      id: 'decided',
      stream: 'decisions',
      writtenAtMs: START_MS + 6 * HOUR_MS,
      rows: [decisionRow('mover', START_MS + 5 * HOUR_MS, { asset_id: 'a_mover' })],
    });
    await rebuildAll();
    expect(await moved()).toEqual([{ after: 5, arm: 'baseline', views: 1 }]);
    await expectExactRollups();
  });

  it('lose a view from the hour of its former first sign, though the outcome that told of it has been merged away', async () => {
    const sign = (id: string, hours: number): TestSegment => ({
      id,
      stream: 'events',
      writtenAtMs: START_MS - 24 * HOUR_MS,
      rows: [eventRow('late', id, START_MS + hours * HOUR_MS, { asset_id: 'a_late', played_ms: 10 })],
    });
    await apply(engine.database, sign('second', 8));
    await rebuildAll();
    const steps = applySteps(engine.database, sign('first', 7));
    const mark = steps.pop();
    for (const step of steps) await step();
    await engine.database.command('OPTIMIZE TABLE view_outcomes FINAL');
    await mark?.();
    await rebuildAll();
    const rows = await expectExactRollups();
    expect(rows.filter(({ asset_id }) => asset_id === 'a_late')).toHaveLength(1);
  });

  it('do not believe either of two builds that were made of one hour at once', async () => {
    const hour = START_MS / 1000;
    const [newest] = await engine.database.query<{ build: string }>(
      `SELECT toString(max(build)) AS build FROM rollup_builds WHERE toUnixTimestamp(hour) = ${hour}`,
    );
    const definition = await engine.database.query<{ definition: string }>(
      'SELECT definition FROM rollup_builds LIMIT 1',
    );
    const row = { hour, previous: newest?.build, definition: definition[0]?.definition };
    const number = (more: number) => String(BigInt(newest?.build ?? 0) + BigInt(more));
    await engine.database.insertRows('rollup_builds', [{ ...row, build: number(2) }]);
    expect(await readDirtyHours(engine.database, { clips })).toEqual([]);
    await engine.database.insertRows('rollup_builds', [{ ...row, build: number(1) }]);
    expect(await readDirtyHours(engine.database, { clips })).toEqual([new Date(START_MS)]);
    await rebuildAll();
    await expectExactRollups();
  });

  it('are stale when their definition changes, and made again', async () => {
    const other = { ...clips, startupClipSeconds: 3 };
    expect(await readDirtyHours(engine.database, { clips })).toEqual([]);
    const stale = await readDirtyHours(engine.database, { clips: other });
    expect(stale.length).toBeGreaterThan(3);
    const { built, remaining } = await rebuildRollups(engine.database, { clips: other, limitHours: 2 });
    expect(built).toEqual(stale.slice(0, 2));
    expect(remaining).toBe(stale.length - 2);
    expect((await readDirtyHours(engine.database, { clips })).toSorted((a, b) => +b - +a)).toEqual(built);
    await rebuildAll();
  });

  it('say nothing of a build that was killed before it was registered, and sweep it away later', async () => {
    const hour = new Date(START_MS);
    await engine.database.command(
      `INSERT INTO hour_rollups (hour, build, arm, views) VALUES (${START_MS / 1000}, 1, 'half', 7)`,
    );
    await expectExactRollups();
    await markHours(engine.database, [hour]);
    await rebuildAll();
    expect(await collectBuilds(engine.database, [hour])).toBeGreaterThan(0);
    const builds = await engine.database.query<{ build: string }>(
      `SELECT DISTINCT build FROM hour_rollups WHERE toUnixTimestamp(hour) = ${START_MS / 1000}`,
    );
    expect(builds).toHaveLength(1);
    await expectExactRollups();
  });
});

function segmentOf(
  id: string,
  { stream, rows }: typeof segmentArbitrary extends fc.Arbitrary<infer T> ? T : never,
): TestSegment {
  // Written when nothing of it happened, so that only what is in the tables can tell which hours it touches.
  const writtenAtMs = START_MS - 24 * HOUR_MS;
  if (stream === 'events') {
    const events = rows.map(([viewNumber, event, receivedAtMs, playedMs, fatal]) =>
      eventRow(`v${viewNumber}-${runs}`, `e${event}`, receivedAtMs, {
        ...(playedMs > 30_000 ? { type: 'view_end', startup_ms: playedMs % 7000 } : {}),
        ...(fatal ? { type: 'error', code: 'x', fatal } : { played_ms: playedMs, rung_ms: { low: playedMs } }),
      }),
    );
    return { id, stream, writtenAtMs, rows: events };
  }
  const decisions = rows.map(([viewNumber, , decidedAtMs, arm]) =>
    decisionRow(`v${viewNumber}-${runs}`, decidedAtMs, { arm: arm === 0 ? 'baseline' : 'other' }),
  );
  return { id, stream, writtenAtMs, rows: decisions };
}
