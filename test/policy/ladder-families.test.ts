import { describe, expect, it } from 'vitest';
import { policyConfigSchema } from '../../src/domain/index.ts';
import { defaultConfig, featuresOf, ladderFamily } from '../../src/policy/ladder-families.ts';
import { ratioOf } from '../../src/policy/rung-union.ts';
import { CREATED_AT, testConfig } from './policy-fixtures.ts';

const config = defaultConfig({ createdAt: CREATED_AT });

describe('the default config', () => {
  it('is a valid config with one baseline of seven rungs from 150 to 4300 kbit/s and at least seven challengers', () => {
    expect(policyConfigSchema.parse(config)).toEqual(config);
    const baseline = config.arms.find((arm) => arm.baseline);
    expect(baseline?.features).toMatchObject({ floorKbps: 150, topKbps: 4300, rungCount: 7, codec: 'h264' });
    expect(baseline?.features.spacing).toBeCloseTo(1.75, 2);
    expect(config.arms.filter((arm) => arm.state === 'active').length).toBeGreaterThanOrEqual(8);
  });

  it('has rising heights and 60 frames only where they show', () => {
    for (const { rungs } of config.arms) {
      const heights = rungs.map((rung) => rung.height);
      expect(heights).toEqual([...heights].sort((left, right) => left - right));
      for (const rung of rungs) expect(rung.fps).toBe(rung.height < 720 ? 30 : 60);
    }
  });

  it.each(['low-dense', 'low-floor', 'raised-floor', 'high-floor'])(
    '%s has rungs for a 720p source that cannot be merged into the baseline',
    (id) => {
      const upTo720 = (armId: string) =>
        config.arms.find((arm) => arm.id === armId)?.rungs.filter((rung) => rung.height <= 720) ?? [];
      const apart = upTo720(id).filter((rung) =>
        upTo720('baseline').every((other) => ratioOf(rung, other) >= config.encode.mergeRatio),
      );
      expect(apart.length).toBeGreaterThanOrEqual(2);
    },
  );

  it('leaves room beside every family for the baseline floor', () => {
    for (const { rungs } of config.arms) {
      const isMerged = rungs.some((rung) => rung.bitrateKbps / 150 < 1.2 && 150 / rung.bitrateKbps < 1.2);
      expect(rungs.length + (isMerged ? 0 : 1)).toBeLessThanOrEqual(config.encode.maxRungs);
    }
  });
});

describe('features', () => {
  it('come from the rungs: ends, count and the geometric mean of the steps', () => {
    expect(featuresOf(ladderFamily('x', [100, 200, 800]).rungs, 'av1')).toEqual({
      floorKbps: 100,
      topKbps: 800,
      rungCount: 3,
      spacing: Math.sqrt(8),
      codec: 'av1',
    });
    expect(featuresOf(ladderFamily('x', [300]).rungs, 'h264').spacing).toBe(1);
  });

  it('refuse an empty ladder', () => {
    expect(() => featuresOf([], 'h264')).toThrow(/expected at least 1 \(got 0\)/);
    expect(testConfig().arms.length).toBe(config.arms.length);
  });
});
