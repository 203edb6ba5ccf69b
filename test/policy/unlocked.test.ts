import { expect, test } from 'vitest';
import type { Audience, LadderRung } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { neededRungs, unlockedBy } from '../../src/policy/unlocked.ts';
import { CREATED_AT, gaussianStatistics, PHONE, testConfig } from './policy-fixtures.ts';

const config = testConfig();
const policy = { config, allocation: coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT }) };
const audience: Audience = { level: 'owner', views: 100, shares: [{ ...PHONE, share: 1 }] };
const renditions = (rungs: readonly LadderRung[], name: string) =>
  rungs.map(({ height, bitrateKbps }, index) => ({
    id: `${name}-${index}`,
    width: Math.round((height * 16) / 9),
    height,
    codec: 'h264' as const,
    bitrateKbps,
  }));
const rungsOf = (baseline: boolean) =>
  config.arms.filter((arm) => arm.baseline === baseline).flatMap((arm) => arm.rungs);
const asset = { renditions: renditions(rungsOf(true), 'have'), complexityScale: 1, sourceHeight: 1080 };

test('rungs that no arm lacked unlock nothing', () => {
  expect(unlockedBy(policy, audience, asset, [])).toEqual({ share: 0, points: 0 });
  expect(unlockedBy(policy, audience, asset, renditions(rungsOf(true), 'again'))).toEqual({ share: 0, points: 0 });
});

test('rungs of arms that could not be given unlock as much as those arms would be given', () => {
  const bare = { ...asset, renditions: asset.renditions.slice(0, 1) };
  const unlocked = unlockedBy(policy, audience, bare, renditions(rungsOf(false), 'more')).share;
  expect(unlocked).toBeGreaterThan(0);
  expect(unlocked).toBeLessThanOrEqual(1);
  const half = { ...audience, shares: audience.shares.map((part) => ({ ...part, share: 0.5 })) };
  expect(unlockedBy(policy, half, bare, renditions(rungsOf(false), 'more')).share).toBeCloseTo(unlocked / 2);
});

/** Of two ladders that could not be given one is surely better here. */
const learned = {
  config,
  allocation: buildAllocation({
    config,
    seed: 1,
    allocationVersion: 2,
    createdAt: CREATED_AT,
    statistics: config.arms.map(({ id }) =>
      gaussianStatistics({ context: PHONE, arm: id, n: 300, mean: id === 'low-dense' ? 68 : 60, sd: 12 }),
    ),
    previous: null,
    maturedViews: 3_000,
  }),
};
const lowDense = config.arms.find(({ id }) => id === 'low-dense')?.rungs ?? [];

test('what surely is better and cannot be given yet is told in points', () => {
  const { points, share } = unlockedBy(learned, audience, asset, renditions(lowDense, 'low'));
  expect(points).toBeGreaterThan(4);
  expect(share).toBeGreaterThan(0);
});

test('of missing rungs those are needed without which less would be unlocked', () => {
  const with_ = (rungs: readonly LadderRung[]) => unlockedBy(learned, audience, asset, renditions(rungs, 'low'));
  const useless = { height: 1080, bitrateKbps: 19_000, fps: 30 };
  const needed = neededRungs([...lowDense, useless], with_);
  expect(needed).not.toContain(useless);
  expect(needed).not.toEqual([]);
  expect(with_(needed)).toEqual(with_([...lowDense, useless]));
  expect(neededRungs([useless], with_)).toEqual([]);
});
