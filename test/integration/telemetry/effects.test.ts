import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AssetDocument, EncodeGroup, EncodePlan } from '../../../src/domain/index.ts';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { createEncodePlanCopier } from '../../../src/telemetry/copy-encode-plans.ts';
import { readAudienceCame } from '../../../src/telemetry/read-audience-came.ts';
import { countEncodeGroups, readEncodeTrial, readPlayTrial } from '../../../src/telemetry/read-effects.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { coldPlan } from '../../fixtures/encode-plan.ts';
import { insertViews, type WrittenView } from './fixtures/insert-views.ts';

const NOW_MS = Date.now();
const DAY_MS = 86_400_000;
const PLANNED_AT = new Date(NOW_MS - 10 * DAY_MS).toISOString();
const PHONE = { region: 'NO', device: 'phone', connection: 'cellular' } as const;
const TV = { region: 'SE', device: 'tv', connection: 'wired' } as const;
const { reward } = defaultConfig({ createdAt: PLANNED_AT });
const range = { from: new Date(NOW_MS - 20 * DAY_MS), to: new Date(NOW_MS) };
const asked = { ...range, reward, viewTimeoutMs: 300_000 };

const planned = (group: EncodeGroup, of: Partial<EncodePlan> = {}, cold = false): EncodePlan => ({
  ...coldPlan,
  plannedAt: PLANNED_AT,
  assignment: { group, propensity: group === 'holdout' ? 0.05 : 0.75, cold },
  audience: {
    level: 'owner',
    views: 100,
    shares: [
      { ...PHONE, share: 0.6 },
      { ...PHONE, connection: 'wifi', share: 0.2 },
      { ...TV, share: 0.2 },
    ],
    watchSeconds: 3_000,
  },
  ...of,
});

const ASSETS: AssetDocument[] = [
  hostedAsset({ id: 'a_held', owner: 'bo', plan: planned('holdout') }),
  hostedAsset({ id: 'a_learned', plan: planned('learned') }),
  hostedAsset({ id: 'a_twin', duplicateOf: 'a_learned', plan: planned('learned') }),
  hostedAsset({ id: 'a_cold', plan: planned('holdout', {}, true) }),
  hostedAsset({ id: 'a_panel', plan: planned('panel') }),
  hostedAsset({ id: 'a_before', plan: coldPlan }),
  hostedAsset({ id: 'a_arriving', state: 'uploading', plan: null }),
];

const view = (viewId: string, assetId: string, rung: string, of: Partial<WrittenView> = {}): WrittenView => ({
  viewId,
  atMs: NOW_MS - DAY_MS,
  context: PHONE,
  assetId,
  decided: { arm: 'baseline' },
  told: [{ type: 'view_end', playedMs: 60_000, stalledMs: 0, startupMs: 500, rungMs: { [rung]: 60_000 } }],
  ...of,
});
const panelView = (viewId: string, arm: string, propensity: number): WrittenView =>
  view(viewId, 'a_panel', arm === 'other' ? 'mid' : 'low', {
    decided: { arm },
    decision: {
      propensity,
      setHash: arm === 'other' ? 'other' : 'baseline',
      eligible: [
        { arm: 'baseline', propensity: 0.25, setHash: 'baseline' },
        { arm: 'same', propensity: 0.25, setHash: 'baseline' },
        { arm: 'other', propensity: 0.5, setHash: 'other' },
      ],
    },
  });

const notPanel = { decision: { liftPanel: false } };
let engine: TestDatabase;
let copies: number[];
beforeAll(async () => {
  engine = await startTestDatabase();
  await insertViews(engine.database, [
    view('held-1', 'a_held', 'low', { decision: { owner: 'bo', liftPanel: false } }),
    view('learned-1', 'a_learned', 'mid', notPanel),
    view('learned-2', 'a_learned', 'mid', { ...notPanel, context: TV }),
    view('twin-1', 'a_twin', 'low', notPanel),
    view('cold-1', 'a_cold', 'high', notPanel),
    view('pinned', 'a_learned', 'high', { decision: { liftPanel: false, reason: 'pin' } }),
    panelView('p-1', 'baseline', 0.5),
    panelView('p-2', 'same', 0.5),
    panelView('p-3', 'other', 0.5),
  ]);
  const assets = {
    list: async () => ASSETS.map(({ id }) => id),
    read: async (assetId: string) => ASSETS.find(({ id }) => id === assetId) ?? null,
  };
  const copier = createEncodePlanCopier(engine.database, assets, () => NOW_MS);
  copies = [await copier.copy(), await copier.copy()];
  copies.push(await createEncodePlanCopier(engine.database, assets, () => NOW_MS).copy());
});
afterAll(() => engine.stop());

/** Half a second to start, and 0.4 or 1 Mbit/s at two points. */
const POINTS = { low: 60 - 0.5 - 0.8, mid: 80 - 0.5 - 2 };

it('every plan that says what chance made of it is logged once, by whichever worker', async () => {
  expect(copies).toEqual([5, 0, 0]);
  expect(await countEncodeGroups(engine.database, range)).toEqual([
    { group: 'holdout', cold: false, assets: 1, rungs: 1 },
    { group: 'holdout', cold: true, assets: 1, rungs: 1 },
    { group: 'learned', cold: false, assets: 2, rungs: 1 },
    { group: 'panel', cold: false, assets: 1, rungs: 1 },
  ]);
});

describe('held-out assets against those with the learned plan', () => {
  it('are summed by what was encoded once, each weighing 1 ÷ its group’s probability', async () => {
    const units = await readEncodeTrial(engine.database, asked);
    const byUnit = new Map(units.map((unit) => [unit.unit, unit]));
    expect([...byUnit.keys()].sort()).toEqual(['a_held', 'a_learned']);
    expect(byUnit.get('a_held')).toMatchObject({ owner: 'bo', treated: false, views: 1, weight: 20 });
    expect(byUnit.get('a_learned')).toMatchObject({ owner: 'ann', treated: true, views: 3 });
    expect(byUnit.get('a_learned')?.weight).toBeCloseTo(4, 9);
    expect(byUnit.get('a_learned')?.sums.reward[0]).toBeCloseTo((2 * POINTS.mid + POINTS.low) / 0.75, 6);
    expect(byUnit.get('a_held')?.sums.seenQuality).toEqual([60 * 60_000 * 20, 60_000 * 20]);
  });

  it('are none outside the range', async () => {
    const later = { ...asked, to: new Date(NOW_MS - 5 * DAY_MS) };
    expect(await readEncodeTrial(engine.database, later)).toEqual([]);
  });
});

describe('panel views of other ladders against those of the baseline’s', () => {
  it('are told apart by what they were given: an arm that resolves to the baseline’s set is baseline', async () => {
    const units = await readPlayTrial(engine.database, { ...asked, baselineArm: 'baseline' });
    expect(units).toEqual([
      expect.objectContaining({ unit: 'a_panel', treated: false, views: 2, weight: 4 }),
      expect.objectContaining({ unit: 'a_panel', treated: true, views: 1, weight: 2 }),
    ]);
    expect(units[1]?.sums.reward[0]).toBeCloseTo(2 * POINTS.mid, 6);
  });
});

it('who came is held against who was expected, by region and device', async () => {
  const came = await readAudienceCame(engine.database, { ...range, minViews: 2 });
  expect(came.map(({ assetId }) => assetId)).toEqual(['a_learned', 'a_panel']);
  expect(came[0]).toMatchObject({ level: 'owner', owner: 'ann', predictedWatchSeconds: 3_000, cameWatchSeconds: 180 });
  expect(came[0]?.isWhole).toBe(false);
  const { connection: _, ...tv } = TV;
  expect(came[0]?.came).toEqual(expect.arrayContaining([{ ...tv, views: 1 }]));
  expect(came[0]?.predicted).toContainEqual({ ...tv, share: 0.2 });
});
