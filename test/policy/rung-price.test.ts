import { describe, expect, it } from 'vitest';
import { megabytesPerPointSecond, priceRungs, rungCents } from '../../src/policy/rung-price.ts';
import { testConfig } from './policy-fixtures.ts';

const settings = testConfig().encode;
const source = { width: 1920, height: 1080, fps: 30 };
const rung = { height: 1080, bitrateKbps: 4000, fps: 30 };
const reward = { deliveredMbps: 2 };
const priced = { settings, reward, source, durationMs: 60_000, watchSeconds: 60_000 };

describe('what a rung costs', () => {
  it('is its encode and its keep, at stated prices', () => {
    const { encode, storage } = rungCents(rung, source, 60_000, settings.prices);
    expect(encode).toBeCloseTo(((1920 * 1080 * 30 * 60) / 55e6 / 3600) * 4, 9);
    // 30 MB for twelve months at two cents a gigabyte.
    expect(storage).toBeCloseTo(0.03 * 2 * 12, 9);
  });

  it('is told in points a view: a point is what sending half a megabit a second costs', () => {
    expect(megabytesPerPointSecond(reward)).toBeCloseTo(0.0625, 9);
    const { encode, storage } = rungCents(rung, source, 60_000, settings.prices);
    const centsPerPoint = (0.0625 / 1000) * 2 * 60_000;
    expect(priceRungs(priced)(rung)).toBeCloseTo(settings.rungCostPoints + (encode + storage) / centsPerPoint, 9);
  });

  it('weighs less the longer an asset is watched, and less for lower rungs', () => {
    const of = (watchSeconds: number) => priceRungs({ ...priced, watchSeconds });
    expect(of(600_000)(rung) - 0.05).toBeCloseTo((of(60_000)(rung) - 0.05) / 10, 9);
    const beyondFlat = (of_: typeof rung) => of(60_000)(of_) - settings.rungCostPoints;
    expect(beyondFlat({ ...rung, height: 240, bitrateKbps: 150 })).toBeLessThan(beyondFlat(rung) / 20);
  });

  it.each([
    ['the reward has no price for traffic', { reward: { deliveredMbps: 0 } }],
    ['the length is unknown', { durationMs: null }],
    ['nobody knows how long it will be watched', { watchSeconds: undefined }],
    ['traffic is free', { settings: { ...settings, prices: { ...settings.prices, egressGb: 0 } } }],
  ])('is flat where %s', (_, change) => {
    expect(priceRungs({ ...priced, ...change })(rung)).toBe(settings.rungCostPoints);
  });
});
