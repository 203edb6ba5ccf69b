import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isUpgradable,
  LEAST_MEGABYTES_PER_CPU_SECOND,
  missingRungs,
  proposeUpgrade,
  rankProposals,
  ratioOf,
} from '../../../src/workers/upgrade/propose-upgrade.ts';
import { hostedAsset, rendition } from '../../fixtures/assets.ts';
import { coldPlan as plan } from '../../fixtures/encode-plan.ts';

const low = rendition({ id: 'low', bitrateKbps: 300 });
const high = rendition({ id: 'high', bitrateKbps: 1200, width: 1280, height: 720 });
const asset = hostedAsset({ plan, renditions: [low, high], durationMs: 60_000 });
const rung = { height: 480, bitrateKbps: 600, fps: 30 };
const hit = { seconds: 1e7, megabytes: 1e6, av1Share: 0 };

test('what nobody watches is left as it is, what many watch is made again by a slower preset', () => {
  expect(proposeUpgrade(asset, { seconds: 10, megabytes: 1, av1Share: 0 }, null)).toBeNull();
  expect(proposeUpgrade(asset, hit, null)).toMatchObject({ assetId: 'a_1', slower: true, missing: [] });
});

test('a rung its audience’s arms have come to need is made when that is worth its cost, and only then', () => {
  expect(proposeUpgrade(asset, hit, { rungs: [rung], unlockedShare: 0.5 })?.missing).toEqual([rung]);
  const slow = { ...low, preset: 'slow' };
  const done = { ...asset, renditions: [slow, { ...high, preset: 'slow' }] };
  expect(proposeUpgrade(done, hit, { rungs: [rung], unlockedShare: 0.5 })).toMatchObject({ slower: false });
  expect(proposeUpgrade(done, hit, { rungs: [rung], unlockedShare: 0 })).toBeNull();
  expect(proposeUpgrade(done, hit, null)).toBeNull();
});

test('a rung is there when a rendition was asked for at about its bitrate, at this content’s complexity', () => {
  expect(missingRungs(asset, [{ ...rung, bitrateKbps: 320 }, rung])).toEqual([rung]);
  expect(missingRungs({ ...asset, complexityScale: 2 }, [rung])).toEqual([]);
  expect(missingRungs({ ...asset, leftOutKbps: [rung.bitrateKbps] }, [rung])).toEqual([]);
});

test.each([
  ['still being encoded', { availability: 'playable' as const }],
  ['encoded elsewhere', { kind: 'external' as const }],
  ['a duplicate', { duplicateOf: 'a_0' }],
  ['failed to upgrade before', { error: { code: 'x', message: 'x', action: 'x' } }],
])('an asset that is %s is not upgraded', (_, change) => {
  expect(isUpgradable(asset)).toBe(true);
  expect(isUpgradable({ ...asset, ...change })).toBe(false);
});

test('more to be watched never makes an upgrade less worth it, and no proposal is below its price', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.double({ min: 1, max: 100, noNaN: true }),
      (megabytes, factor) => {
        const today = { rungs: [rung], unlockedShare: 0.3 };
        const little = proposeUpgrade(asset, { seconds: 1, megabytes, av1Share: 0 }, today);
        const much = proposeUpgrade(asset, { seconds: 1, megabytes: megabytes * factor, av1Share: 0 }, today);
        if (little) {
          expect(ratioOf(little)).toBeGreaterThanOrEqual(LEAST_MEGABYTES_PER_CPU_SECOND);
          expect(much?.benefit).toBeGreaterThanOrEqual(little.benefit);
        }
      },
    ),
  );
});

test('the best ratio of benefit to cost comes first', () => {
  const of = (assetId: string, benefit: number, cpuSeconds: number) => ({
    assetId,
    slower: true,
    missing: [],
    benefit,
    cpuSeconds,
  });
  expect(rankProposals([of('a', 10, 10), of('b', 9, 1), of('c', 100, 20)]).map(({ assetId }) => assetId)).toEqual([
    'b',
    'c',
    'a',
  ]);
});

describe('AV1', () => {
  const slow = { ...asset, renditions: [low, high].map((each) => ({ ...each, preset: 'slow' })) };
  const decoded = { ...hit, av1Share: 0.6 };
  const can = { av1: true };
  const inAv1 = slow.renditions.map((rung) => ({
    ...rung,
    id: `${rung.id}-av1`,
    codec: 'av1' as const,
    bitrateKbps: rung.bitrateKbps * 0.6,
  }));

  test('is made of what is watched by people whose players decode it, where it can be made', () => {
    expect(proposeUpgrade(slow, decoded, null, can)).toMatchObject({ av1: true, slower: false, missing: [] });
    expect(proposeUpgrade(slow, decoded, null, { av1: false })).toBeNull();
    expect(proposeUpgrade(slow, { ...decoded, megabytes: 0.1 }, null, can)).toBeNull();
  });

  test('is never made while nobody has said that it is decoded', () => {
    expect(proposeUpgrade(slow, { ...decoded, av1Share: 0 }, null, can)).toBeNull();
    expect(proposeUpgrade(asset, { ...decoded, av1Share: 0 }, null, can)).toMatchObject({ slower: true });
  });

  test('comes before a slower preset where it saves more, and after it where few decode it', () => {
    expect(proposeUpgrade(asset, decoded, null, can)).toMatchObject({ av1: true });
    expect(proposeUpgrade(asset, { ...decoded, av1Share: 0.1 }, null, can)).toMatchObject({ slower: true });
  });

  test('is made once, is made again for rungs that have none, and is not tried again where it saved too little', () => {
    const whole = { ...slow, renditions: [...slow.renditions, ...inAv1] };
    expect(proposeUpgrade(whole, decoded, null, can)).toBeNull();
    const partly = { ...whole, renditions: whole.renditions.slice(0, 3) };
    expect(proposeUpgrade(partly, decoded, null, can)).toMatchObject({ av1: true });
    const tried = { codec: 'av1' as const, savedShare: 0.05, offered: false, triedAt: '2026-01-01T00:00:00.000Z' };
    expect(proposeUpgrade({ ...slow, codecTrials: [tried] }, decoded, null, can)).toBeNull();
  });

  test('makes its H.264 worth less: only those who do not decode it are sent that', () => {
    const withTwins = { ...asset, renditions: [...asset.renditions, ...inAv1] };
    const of = (av1Share: number) => proposeUpgrade(withTwins, { ...hit, av1Share }, null, can)?.benefit ?? 0;
    expect(of(0.6)).toBeCloseTo(0.4 * of(0));
  });

  test('costs more than a slower preset does', () => {
    const cost = (share: number) => proposeUpgrade(asset, { ...hit, av1Share: share }, null, can)?.cpuSeconds ?? 0;
    expect(cost(1)).toBeGreaterThan(cost(0));
  });
});
