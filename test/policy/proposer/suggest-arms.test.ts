import { describe, expect, it } from 'vitest';
import type { Allocation, PolicyConfig, ViewStatistics } from '../../../src/domain/index.ts';
import { buildAllocation } from '../../../src/policy/allocate.ts';
import { BASELINE_ARM_ID, defaultConfig, ladderFamily } from '../../../src/policy/ladder-families.ts';
import { ladderDistance, withoutTwins } from '../../../src/policy/proposer/near-twins.ts';
import { armsToRetire } from '../../../src/policy/proposer/retire-arms.ts';
import { pointsAt, suggestArms } from '../../../src/policy/proposer/suggest-arms.ts';
import { CREATED_AT, DESKTOP, FAST, PHONE, statisticsOf, uniforms } from '../policy-fixtures.ts';

const arms = [
  ladderFamily(BASELINE_ARM_ID, [150, 262, 459, 803, 1404, 2457, 4300]),
  ladderFamily('high-floor', [1062, 1858, 3251, 5690]),
];
const config: PolicyConfig = { ...defaultConfig({ createdAt: CREATED_AT }), arms };
const curve = [100, 300, 900, 2700, 8000].map((kbps) => ({ kbps, points: 100 * (1 - Math.exp(-kbps / 900)) }));

/** Views on lines about so many Mbit/s; `lost` is what the high floor costs there. */
function views(mbps: number, lost: number, count = 600): ViewStatistics[] {
  const rng = uniforms(3);
  return [PHONE, DESKTOP].flatMap((context) =>
    arms.map(({ id }) =>
      statisticsOf(
        { context, arm: id },
        Array.from({ length: count }, () => ({
          throughput: Math.log(mbps) + rng() - 0.5,
          quality: 60 + 10 * rng() - (id === BASELINE_ARM_ID ? 0 : lost),
        })),
      ),
    ),
  );
}

const allocated = (statistics: ViewStatistics[]): Allocation =>
  buildAllocation({
    config,
    statistics,
    previous: null,
    seed: 1,
    allocationVersion: 2,
    createdAt: CREATED_AT,
    maturedViews: 0,
  });
const suggest = (statistics: ViewStatistics[], limit = 3, rateQuality = () => curve) =>
  suggestArms({ config, statistics, allocation: allocated(statistics), rateQuality, limit });

describe('suggested arms', () => {
  it('are ladders nobody has yet, for the places whose lines they were derived from, the worthiest first', () => {
    const { arms: suggested } = suggest(views(0.7, 30));
    expect(suggested.length).toBeGreaterThan(0);
    for (const { arm, places, worth } of suggested) {
      expect(withoutTwins([arm.rungs.map(({ bitrateKbps }) => bitrateKbps)], [], 1.06)).toHaveLength(1);
      expect(config.arms.map(({ id }) => id)).not.toContain(arm.id);
      expect(arm.rungs.length).toBeLessThanOrEqual(config.encode.maxRungs);
      expect(arm.rungs[0]?.bitrateKbps).toBeLessThan(1062);
      expect(places.length).toBeGreaterThan(0);
      expect(worth).toBeGreaterThan(0);
    }
    expect(suggested.map(({ worth }) => worth)).toEqual(suggested.map(({ worth }) => worth).toSorted((a, b) => b - a));
  });

  it('are at most as many as asked for, none where nothing is known of lines or of quality', () => {
    expect(suggest(views(0.7, 30), 1).arms.length).toBeLessThanOrEqual(1);
    expect(suggest(views(0.7, 30, 20)).arms).toEqual([]);
    expect(suggest(views(0.7, 30), 3, () => []).arms).toEqual([]);
    expect(suggest([]).arms).toEqual([]);
  });

  it('retires an arm that is surely best nowhere, and none while too little is known', () => {
    expect(suggest(views(0.7, 30)).retire).toEqual(['high-floor']);
    expect(suggest(views(0.7, 30, 100)).retire).toEqual([]);
    const { contexts } = allocated(views(0.7, 30));
    const needed = contexts.map((entry) =>
      entry.level === 'global'
        ? { ...entry, arms: entry.arms.map((arm) => ({ ...arm, pBest: 0.5 })) }
        : { ...entry, region: FAST.region },
    );
    expect(armsToRetire(config, { contexts: needed })).toEqual([]);
  });
});

describe('near twins', () => {
  it('are ladders that give nearly every line the same; the first of them stays', () => {
    const ladder = [200, 600, 1800];
    expect(ladderDistance(ladder, ladder)).toBe(1);
    expect(
      withoutTwins(
        [
          [205, 600, 1800],
          [200, 1200],
          [200, 1210],
        ],
        [ladder],
        1.06,
      ),
    ).toEqual([[200, 1200]]);
  });
});

describe('the quality of a bitrate', () => {
  it('is linear in its logarithm between what was measured, and as at the ends beyond', () => {
    const measured = [
      { kbps: 100, points: 20 },
      { kbps: 400, points: 60 },
    ];
    expect([50, 100, 200, 400, 900].map((kbps) => pointsAt(measured, kbps))).toEqual([20, 20, 40, 60, 60]);
    expect(pointsAt([], 300)).toBe(0);
  });
});
