import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignmentOf, drawEncodeGroup } from '../../src/policy/encode-group.ts';
import { coldPlan } from '../fixtures/encode-plan.ts';
import { testConfig, uniforms } from './policy-fixtures.ts';

const { encode } = testConfig();
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('the group of an asset', () => {
  it('comes as often as its logged probability says, whatever the shares', () => {
    fc.assert(
      fc.property(
        share,
        share,
        share,
        fc.boolean(),
        fc.nat(),
        (holdoutShare, supersetShare, liftPanelShare, cold, seed) => {
          const uniform = uniforms(seed);
          const settings = { ...encode, holdoutShare, supersetShare, liftPanelShare };
          const draws = 400;
          const seen = new Map<string, { count: number; propensity: number }>();
          for (let n = 0; n < draws; n += 1) {
            const drawn = { holdout: uniform(), superset: uniform(), panel: uniform() };
            const { group, propensity } = drawEncodeGroup(settings, drawn, cold);
            seen.set(group, { count: (seen.get(group)?.count ?? 0) + 1, propensity });
          }
          for (const { count, propensity } of seen.values()) {
            const error = Math.sqrt((propensity * (1 - propensity)) / draws);
            expect(Math.abs(count / draws - propensity)).toBeLessThanOrEqual(5 * error + 1 / draws);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is the panel’s while the audience is cold, but for the held-out and superset shares', () => {
    const late = { holdout: 0.99, superset: 0.99, panel: 0.99 };
    expect(drawEncodeGroup(encode, late, true)).toMatchObject({ group: 'panel', cold: true });
    expect(drawEncodeGroup(encode, late, false)).toMatchObject({ group: 'learned', cold: false });
    expect(drawEncodeGroup(encode, { ...late, holdout: 0 }, true)).toMatchObject({ group: 'holdout', cold: true });
  });

  it('of a plan that is older than groups is told by its marks', () => {
    expect(assignmentOf(coldPlan)).toEqual({ group: 'panel', propensity: 0, cold: true });
    expect(assignmentOf({ ...coldPlan, holdout: true, liftPanel: false }).group).toBe('holdout');
    const assignment = { group: 'superset', propensity: 0.02, cold: false } as const;
    expect(assignmentOf({ ...coldPlan, assignment })).toBe(assignment);
  });
});
