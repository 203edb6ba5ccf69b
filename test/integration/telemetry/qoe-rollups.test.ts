import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { type QoeGroup, type QoeQuery, readQoe } from '../../../src/telemetry/qoe.ts';
import { chooseSource } from '../../../src/telemetry/qoe-source.ts';
import { rebuildRollups } from '../../../src/telemetry/rollups.ts';
import { markHours } from '../../../src/telemetry/rollups-dirty.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { insertViews, type WrittenView } from './fixtures/insert-views.ts';

const HOUR_MS = 3_600_000;
const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
/** Other clips make other roll-ups: asked with these, the ones there are do not count and every view is read. */
const OTHER_CLIPS = { ...reward, stallRatioClip: reward.stallRatioClip / 2 };
const HOURS = 6;
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 12 * HOUR_MS;
const END_MS = START_MS + HOURS * HOUR_MS;

const viewArbitrary = (prefix: string): fc.Arbitrary<WrittenView[]> =>
  fc
    .array(
      fc.record({
        atMs: fc.integer({ min: START_MS, max: END_MS - 1 }),
        context: fc.record({
          region: fc.constantFrom('NO', 'SE', 'ZZ'),
          device: fc.constantFrom('phone' as const, 'tv' as const),
          connection: fc.constantFrom('wifi' as const, 'unknown' as const),
        }),
        decided: fc.constantFrom({ arm: 'baseline' }, { arm: 'other' }, null),
        assetId: fc.constantFrom('a_1', 'a_2', 'a_3'),
        told: fc.oneof(
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: fc.constant([{ type: 'view_start' as const }]) },
          { weight: 1, arbitrary: fc.constant([{ type: 'error' as const, code: 'x', fatal: true }]) },
          {
            weight: 6,
            arbitrary: fc
              .record({
                startupMs: fc.option(fc.nat(20_000), { nil: undefined }),
                playedMs: fc.nat(600_000),
                stalledMs: fc.nat(20_000),
                seekStalledMs: fc.nat(3000),
                stallCount: fc.nat(4),
                bytes: fc.nat(200_000_000),
                rungMs: fc.dictionary(fc.constantFrom('low', 'mid', 'high', 'mystery'), fc.nat(200_000), {
                  maxKeys: 3,
                }),
                switchesUp: fc.nat(9),
                droppedFrames: fc.nat(99),
                viewportHeight: fc.constantFrom(0, 360, 720, 1440),
              })
              .map((counters) => [{ type: 'view_end' as const, ...counters } as WrittenView['told'][number]]),
          },
        ),
      }),
      { minLength: 150, maxLength: 150 },
    )
    .map((views) => views.map((view, index) => ({ ...view, viewId: `${prefix}-${index}` })));

/** Neither decided nor heard of is no view. */
const sample = (prefix: string, seed: number): WrittenView[] =>
  (fc.sample(viewArbitrary(prefix), { numRuns: 1, seed })[0] ?? []).filter(
    ({ decided, told }) => decided !== null || told.length > 0,
  );

const EARLY = sample('early', 1);

const QUESTIONS: [string, QoeQuery][] = [
  ['whole hours', { from: new Date(START_MS), to: new Date(END_MS), groupBy: [] }],
  ['ragged ends', { from: new Date(START_MS + 1_234_567), to: new Date(END_MS - 2_345_678), groupBy: [] }],
  ['more than there is', { from: new Date(0), to: new Date(END_MS + 99 * HOUR_MS), groupBy: [] }],
  ['hours nobody has built', { from: new Date(START_MS - 1), to: new Date(END_MS + 2.5 * HOUR_MS), groupBy: ['hour'] }],
  ['a part of one hour', { from: new Date(START_MS + 600_000), to: new Date(START_MS + 1_800_000), groupBy: [] }],
  [
    'every key',
    {
      from: new Date(START_MS + 777_777),
      to: new Date(END_MS),
      groupBy: ['region', 'device', 'connection', 'arm', 'assetId', 'hour'],
    },
  ],
  ['hours', { from: new Date(START_MS), to: new Date(END_MS - 1), groupBy: ['hour'] }],
  ['one asset', { from: new Date(START_MS - HOUR_MS), to: new Date(END_MS), groupBy: ['arm'], assetId: 'a_2' }],
];

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
});
afterAll(() => engine?.stop());

const answers = async (weights = reward): Promise<Map<string, QoeGroup[]>> => {
  const all = new Map<string, QoeGroup[]>();
  for (const [name, question] of QUESTIONS) all.set(name, await readQoe(engine.database, question, weights));
  return all;
};

/** The same groups, counts and quantiles; sums, which are added in another order, to one part in 10⁹. */
function expectSame(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    const tolerance = /startupMsP|views|started|Start|unobserved$|\.n$/.test(path) ? 0 : 1e-9;
    expect(Math.abs(actual - expected), path).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
    return;
  }
  if (typeof expected !== 'object' || expected === null) {
    expect(actual, path).toBe(expected);
    return;
  }
  expect(Object.keys(actual ?? {}).sort(), path).toEqual(Object.keys(expected).sort());
  for (const [key, value] of Object.entries(expected))
    expectSame((actual as Record<string, unknown>)[key], value, `${path}.${key}`);
}

const withoutReward = (groups: readonly QoeGroup[] = []): object[] =>
  groups.map(({ metrics: { reward: _clipped, ...metrics }, ...group }) => ({ ...group, metrics }));

const hoursOf = (views: readonly WrittenView[]): Date[] =>
  [...new Set(views.map(({ atMs }) => Math.floor(atMs / HOUR_MS) * HOUR_MS))].map((ms) => new Date(ms));

describe('QoE from roll-ups', () => {
  it('is the QoE of the views themselves', async () => {
    await insertViews(engine.database, EARLY, 'early');
    const fromViews = await answers();
    expect((await chooseSource(engine.database, QUESTIONS[0]?.[1] as QoeQuery, reward)).rollups).toBeNull();

    await markHours(engine.database, hoursOf(EARLY));
    await rebuildRollups(engine.database, { clips: reward });
    const { rollups } = await chooseSource(engine.database, QUESTIONS[0]?.[1] as QoeQuery, reward);
    expect(rollups).toEqual({ from: new Date(START_MS), to: new Date(END_MS), except: [] });
    const fromRollups = await answers();
    for (const [name, expected] of fromViews) {
      expect(expected.length).toBeGreaterThan(0);
      expectSame(fromRollups.get(name), expected, name);
    }
    expect(fromRollups.get('more than there is')?.[0]?.views).toBe(EARLY.length);
  });

  it('reads hours cut by an end of the window, and dirty ones, view by view', async () => {
    const late = sample('late', 2).filter(({ atMs }) => atMs < START_MS + 2 * HOUR_MS);
    expect(late.length).toBeGreaterThan(10);
    await insertViews(engine.database, late, 'late');
    await markHours(engine.database, hoursOf(late));
    const ragged = QUESTIONS[1]?.[1] as QoeQuery;
    const { rollups, views } = await chooseSource(engine.database, ragged, reward);
    expect(rollups?.except.map((hour) => (hour.getTime() - START_MS) / HOUR_MS).sort()).toEqual([0, 1, 5]);
    expect(views).toEqual([{ hours: rollups?.except }]);

    const mixed = await answers();
    expect((await chooseSource(engine.database, ragged, OTHER_CLIPS)).rollups).toBeNull();
    const fromViews = await answers(OTHER_CLIPS);
    for (const [name, expected] of fromViews) expectSame(withoutReward(mixed.get(name)), withoutReward(expected), name);
    expect(mixed.get('more than there is')?.[0]?.views).toBe(EARLY.length + late.length);
  });

  it('is the same again once the dirty hours are rolled up', async () => {
    const before = await answers();
    await rebuildRollups(engine.database, { clips: reward });
    const after = await answers();
    for (const [name, expected] of before) expectSame(after.get(name), expected, name);
  });
});
