import { describe, expect, test } from 'vitest';
import { type PlannedToday, proposeUpgrade } from '../../../src/workers/upgrade/propose-upgrade.ts';
import { hostedAsset, rendition } from '../../fixtures/assets.ts';
import { coldPlan as plan } from '../../fixtures/encode-plan.ts';

const RUNG = { height: 480, bitrateKbps: 600, fps: 30 };
const asset = hostedAsset({
  plan,
  durationMs: 60_000,
  renditions: [rendition({ id: 'low', bitrateKbps: 300, preset: 'slow' })],
});
const watch = { seconds: 100_000, megabytes: 20_000, av1Share: 0 };
const proposed = (today: Partial<PlannedToday>, seconds = watch.seconds) =>
  proposeUpgrade(asset, { ...watch, seconds }, { rungs: [RUNG], unlockedShare: 0, ...today });

describe('a missing rung is worth making', () => {
  test('by the points that arms bring which surely are better, over the time still to be watched', () => {
    // Two points at two points a megabit per second: 125 kB a second of watching.
    expect(proposed({ gainMegabytes: 0.125 })?.benefit).toBeCloseTo(12_500);
    expect(proposed({ gainMegabytes: 0.125 }, 200_000)?.benefit).toBeCloseTo(25_000);
    expect(proposed({ gainMegabytes: 0 })).toBeNull();
  });

  test('less what keeping it costs', () => {
    const stored = (RUNG.bitrateKbps * 60) / 8_000;
    expect(proposed({ gainMegabytes: 0.125, keptMegabytes: 12 })?.benefit).toBeCloseTo(12_500 - 12 * stored);
    expect(proposed({ gainMegabytes: 0.125, keptMegabytes: 1e6 })).toBeNull();
  });

  test('by being tried, where no arm is surely better yet', () => {
    expect(proposed({ unlockedShare: 0.1 })?.benefit).toBeCloseTo(0.2 * 0.1 * watch.megabytes);
  });
});
