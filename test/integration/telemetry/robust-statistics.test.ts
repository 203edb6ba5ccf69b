import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STATISTICS_BUCKETS, type ViewStatistics } from '../../../src/domain/index.ts';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { momentOf, rewardMoments } from '../../../src/policy/reward.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { readAllotments } from '../../../src/telemetry/read-allotments.ts';
import { readViewStatistics } from '../../../src/telemetry/read-statistics.ts';
import { chooseDetail } from '../../../src/telemetry/statistics-detail.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { decisionRow, eventRow } from './fixtures/applied-segments.ts';

const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
const NOW_MS = Date.now();
/** Noon, so that hours before and after are the same day. */
const NOON_MS = Math.floor(NOW_MS / 86_400_000) * 86_400_000 - 43_200_000;
const DAY_MS = 86_400_000;

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
  const views = [
    ...households(),
    ...flood(),
    view('clipped', { arm: 'other' }, { startup_ms: 60_000, stalled_ms: 59_000, rung_ms: { high: 60_000 } }),
    view('liar', { arm: 'third', block: 'b-liar' }, { played_ms: 5_000_000, rung_ms: { high: 5_000_000 } }),
    view('first-allocation', { arm: 'fourth', block: 'b-1' }),
    view('later-allocation', { arm: 'fourth', allocation_version: 2, block: 'b-1' }),
    view('fewer-arms', { arm: 'fourth', eligible_arms: ['baseline', 'fourth'], block: 'b-1' }),
    view('one-treatment', {
      arm: 'fourth',
      eligible_arms: ['baseline', 'fourth', 'third'],
      eligible_sets: ['x', 'y', 'y'],
      eligible_propensities: [0.5, 0.3, 0.2],
      block: 'b-1',
    }),
    view('last-month', { arm: 'old', block: 'b-1' }, {}, NOON_MS - 32 * DAY_MS),
  ];
  await engine.database.insertRows(
    'decisions',
    views.map(({ decision }) => ({ segment: 's', ...decision })),
  );
  await engine.database.insertRows(
    'events',
    views.map(({ event }) => ({ segment: 's', ...event })),
  );
  await engine.database.command(FOLD_ALL_SQL);
});
afterAll(() => engine.stop());

/** A minute watched at 60 points, ended. */
function view(id: string, decided: Record<string, unknown>, told: Record<string, unknown> = {}, atMs = NOON_MS) {
  const end = { type: 'view_end', startup_ms: 0, played_ms: 60_000, rung_ms: { low: 60_000 }, bytes: 0, ...told };
  const sets = { eligible_arms: ['baseline', 'other'], eligible_sets: ['x', 'y'], eligible_propensities: [0.5, 0.5] };
  return {
    decision: decisionRow(id, atMs, { ...sets, ...decided }),
    event: eventRow(id, 'end', atMs + 90_000, end),
  };
}

/** 40 blocks with two views of the baseline each. */
const households = () =>
  Array.from({ length: 80 }, (_, n) => view(`home-${n}`, { arm: 'baseline', block: `home-${n % 40}` }));

/** One block that says of the baseline, 400 times, how well it does. */
const flood = () =>
  Array.from({ length: 400 }, (_, n) =>
    view(`flood-${n}`, { arm: 'baseline', block: 'flood' }, { rung_ms: { high: 60_000 } }),
  );

const read = (options: { maxRows?: number; blockCap?: number } = {}): Promise<ViewStatistics[]> =>
  readViewStatistics(engine.database, { reward, viewTimeoutMs: 300_000, nowMs: NOW_MS, ...options });
const ofArm = (rows: ViewStatistics[], arm: string) => rows.filter((row) => row.arm === arm);
const total = (rows: ViewStatistics[], figure: (row: ViewStatistics) => number) =>
  rows.reduce((sum, row) => sum + figure(row), 0);

describe('robust statistics', () => {
  it('let no address block count for more than its cap, and say how much was taken off', async () => {
    const baseline = ofArm(await read({ blockCap: 20 }), 'baseline');
    expect(total(baseline, ({ decided }) => decided)).toBeCloseTo(80 + 20, 6);
    expect(total(baseline, ({ capped }) => capped)).toBeCloseTo(380, 6);
    expect(total(baseline, (row) => momentOf(row, 'one', 'one'))).toBeCloseTo(100, 6);
    expect(total(baseline, (row) => momentOf(row, 'one', 'quality'))).toBeCloseTo(80 * 60 + 20 * 95, 5);
    expect(total(baseline, ({ playedMs }) => playedMs)).toBeCloseTo(100 * 60_000, 3);
    expect(total(baseline, ({ clipped }) => clipped.quality)).toBeCloseTo(20, 6);
    const uncapped = ofArm(await read({ blockCap: 1000 }), 'baseline');
    expect(total(uncapped, ({ decided }) => decided)).toBe(480);
  });

  it('keep a block in one bucket, so that the median over buckets does not hear a flood', async () => {
    const baseline = ofArm(await read({ blockCap: 1000 }), 'baseline');
    expect(new Set(baseline.map(({ bucket }) => bucket)).size).toBe(baseline.length);
    expect(baseline.length).toBeGreaterThan(8);
    expect(baseline.every(({ bucket }) => bucket < STATISTICS_BUCKETS)).toBe(true);
    const means = baseline
      .map((row) => momentOf(row, 'one', 'quality') / momentOf(row, 'one', 'one'))
      .sort((a, b) => a - b);
    expect(means.filter((mean) => mean > 60.001)).toHaveLength(1);
    expect(means[Math.floor(means.length / 2)]).toBeCloseTo(60, 6);
  });

  it('count the views that are at a clip, component by component', async () => {
    const [other] = ofArm(await read(), 'other');
    expect(other?.clipped).toEqual({ quality: 1, stall: 0, startup: 1, switches: 0 });
  });

  it('do not score an implausible view, and count it', async () => {
    const [third] = ofArm(await read(), 'third');
    expect(third).toMatchObject({ decided: 1, implausible: 1, playedMs: 0 });
    expect(rewardMoments(third as ViewStatistics, reward).n).toBe(0);
  });

  it('are kept apart by allocation, by what was eligible and by which arms were one treatment', async () => {
    const rows = ofArm(await read(), 'fourth');
    expect(rows.map(({ allocationVersion }) => allocationVersion).sort()).toEqual([1, 1, 1, 2]);
    expect(new Set(rows.map(({ eligibleSet }) => eligibleSet)).size).toBe(3);
    expect(rows.every(({ eligibleSet }) => eligibleSet !== '')).toBe(true);
    expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(1);
  });

  it('merge keys rather than grow without bound, and lose nothing by it', async () => {
    const since = new Date(NOW_MS - 90 * DAY_MS);
    const fine = await read();
    const sizes: number[] = [];
    const mergedBy = new Map<number, unknown>();
    for (const maxRows of [fine.length, fine.length - 1, 5]) {
      const rows = await read({ maxRows });
      sizes.push(rows.length);
      mergedBy.set(maxRows, await chooseDetail(engine.database, since, maxRows));
      expect(rows.length).toBeLessThanOrEqual(maxRows);
      for (const figure of [
        (row: ViewStatistics) => row.decided,
        (row: ViewStatistics) => row.capped,
        (row: ViewStatistics) => momentOf(row, 'one', 'quality'),
      ]) {
        expect(total(rows, figure)).toBeCloseTo(total(fine, figure), 5);
      }
    }
    expect(sizes[0]).toBe(fine.length);
    expect(mergedBy.get(fine.length - 1)).toMatchObject({ allocations: false, eligibleSets: true });
    expect(mergedBy.get(5)).toMatchObject({ allocations: false, eligibleSets: false, buckets: 1 });
    const [old] = ofArm(await read({ maxRows: 5 }), 'old');
    expect([old?.ageDays, old?.allocationVersion, old?.eligibleSet, old?.bucket]).toEqual([31, 0, '', 0]);
    expect(ofArm(fine, 'old')[0]?.ageDays).toBe(33);
  });
});

describe('allotments', () => {
  it('say how often each arm was given beside what its logged propensities add up to, pins left out', async () => {
    const allotments = await readAllotments(engine.database, NOW_MS);
    const byArm = new Map(allotments.map(({ arm, ...rest }) => [arm, rest]));
    // 487 decisions, the baseline eligible in each at one half.
    expect(byArm.get('baseline')).toEqual({ observed: 480, expected: 243.5, variance: 487 / 4 });
    expect(byArm.get('fourth')).toEqual({ observed: 2, expected: 0.8, variance: 0.25 + 0.21 });
    expect(byArm.get('third')?.expected).toBeCloseTo(0.2, 12);
  });
});
