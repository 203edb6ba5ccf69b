import { expect, test } from 'vitest';
import type { Audience, LadderRung } from '../../src/domain/index.ts';
import { coldAllocation } from '../../src/policy/allocate.ts';
import { unlockedShare } from '../../src/policy/unlocked-share.ts';
import { CREATED_AT, PHONE, testConfig } from './policy-fixtures.ts';

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
  expect(unlockedShare(policy, audience, asset, [])).toBe(0);
  expect(unlockedShare(policy, audience, asset, renditions(rungsOf(true), 'again'))).toBe(0);
});

test('rungs of arms that could not be given unlock as much as those arms would be given', () => {
  const bare = { ...asset, renditions: asset.renditions.slice(0, 1) };
  const unlocked = unlockedShare(policy, audience, bare, renditions(rungsOf(false), 'more'));
  expect(unlocked).toBeGreaterThan(0);
  expect(unlocked).toBeLessThanOrEqual(1);
  const half = { ...audience, shares: audience.shares.map((part) => ({ ...part, share: 0.5 })) };
  expect(unlockedShare(policy, half, bare, renditions(rungsOf(false), 'more'))).toBeCloseTo(unlocked / 2);
});
