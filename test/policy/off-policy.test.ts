import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateOffPolicy, type LoggedView } from '../../src/policy/off-policy.ts';
import { uniforms } from './policy-fixtures.ts';

// Worked by hand: weights ½, 2 and 1, so Σw = 3.5 and Σw² = 5.25.
const BY_HAND: LoggedView[] = [
  { reward: 10, propensity: 0.8, target: 0.4, predicted: 9, targetPredicted: 12 },
  { reward: 20, propensity: 0.25, target: 0.5, predicted: 16, targetPredicted: 15 },
  { reward: 6, propensity: 0.3, target: 0.3, predicted: 8, targetPredicted: 10 },
];

describe('off-policy estimates', () => {
  it('are what they are by hand', () => {
    const found = estimateOffPolicy(BY_HAND, 2);
    expect(found?.effectiveViews).toBeCloseTo(12.25 / 5.25, 9);
    expect(found?.largestWeight).toBe(2);
    // (5 + 40 + 6) ÷ 3, and ÷ 3.5.
    expect(found?.ips.value).toBeCloseTo(17, 9);
    expect(found?.snips.value).toBeCloseTo(51 / 3.5, 9);
    // (12 + ½·1) + (15 + 2·4) + (10 − 2), over 3.
    expect(found?.dr.value).toBeCloseTo(43.5 / 3, 9);
    // λ = 2: ½ → 1 ÷ 2.25, 2 → 4 ÷ 6, 1 → 2 ÷ 3.
    expect(found?.dros.value).toBeCloseTo((12 + 1 / 2.25 + 15 + (4 / 6) * 4 + 10 - (2 / 3) * 2) / 3, 9);
    // Values 5, 40, 6: mean 17, squared deviations 144 + 529 + 121.
    expect(found?.ips.standardError).toBeCloseTo(Math.sqrt(794 / 2 / 3), 9);
  });

  it('of the policy that decided are the plain mean', () => {
    const view = fc.record({
      reward: fc.double({ min: -100, max: 100, noNaN: true }),
      propensity: fc.constantFrom(0.1, 0.5, 1),
    });
    fc.assert(
      fc.property(fc.array(view, { minLength: 1, maxLength: 40 }), (views) => {
        const same = views.map((each) => ({ ...each, target: each.propensity, predicted: 3, targetPredicted: 3 }));
        const mean = views.reduce((sum, { reward }) => sum + reward, 0) / views.length;
        const found = estimateOffPolicy(same, 1e12);
        for (const name of ['ips', 'snips', 'dr', 'dros'] as const) expect(found?.[name].value).toBeCloseTo(mean, 6);
        expect(found?.effectiveViews).toBeCloseTo(views.length, 6);
      }),
    );
  });

  it('find what another policy earns, the doubly robust ones with less noise', () => {
    const uniform = uniforms(7);
    const means = [50, 60, 55];
    const logging = [0.6, 0.2, 0.2];
    const target = [0.1, 0.8, 0.1];
    const model = [49, 61, 55];
    const truth = means.reduce((sum, mean, arm) => sum + mean * (target[arm] ?? 0), 0);
    const targetPredicted = model.reduce((sum, mean, arm) => sum + mean * (target[arm] ?? 0), 0);
    const views = Array.from({ length: 4000 }, (): LoggedView => {
      const drawn = uniform();
      const arm = drawn < 0.6 ? 0 : drawn < 0.8 ? 1 : 2;
      return {
        reward: (means[arm] ?? 0) + 20 * (uniform() - 0.5),
        propensity: logging[arm] ?? 1,
        target: target[arm] ?? 0,
        predicted: model[arm] ?? 0,
        targetPredicted,
      };
    });
    const found = estimateOffPolicy(views, 1000);
    if (!found) throw new Error('expected estimates');
    for (const name of ['ips', 'snips', 'dr', 'dros'] as const) {
      const { value, standardError } = found[name];
      expect(Math.abs(value - truth)).toBeLessThan(4 * standardError);
    }
    expect(found.dr.standardError).toBeLessThan(found.snips.standardError);
    expect(found.snips.standardError).toBeLessThan(found.ips.standardError);
  });

  it('need views, and propensities that can be', () => {
    expect(estimateOffPolicy([], 1)).toBeNull();
    expect(() => estimateOffPolicy([{ ...BY_HAND[0], propensity: 0 } as LoggedView], 1)).toThrow(/propensity/);
  });
});
