import { describe, expect, it } from 'vitest';
import type { Allocation } from '../../../src/domain/index.ts';
import { coldAllocation } from '../../../src/policy/allocate.ts';
import { indexAllocation } from '../../../src/policy/index-allocation.ts';
import { type LoggedDecision, scoreShadow } from '../../../src/policy/promotion/score-shadow.ts';
import { CREATED_AT, PHONE, testArms, testConfig, uniforms } from '../policy-fixtures.ts';

const config = testConfig({ arms: testArms(3) });
const LOGGED = new Set(['baseline', 'arm-1', 'arm-2']);

/** An allocation that gives these weights everywhere, with these means. */
function candidate(weights: Record<string, number>, means: Record<string, number> = {}, arms = testArms(4)) {
  const offered = { ...config, arms };
  const cold = coldAllocation({ config: offered, seed: 0, allocationVersion: 9, createdAt: CREATED_AT });
  const [entry] = cold.contexts;
  if (!entry) throw new Error('no cold entry');
  const allocation: Allocation = {
    ...cold,
    contexts: [
      {
        ...entry,
        arms: entry.arms.map((arm) => ({ ...arm, weight: weights[arm.arm] ?? 0, mean: means[arm.arm] ?? 0 })),
      },
    ],
  };
  return indexAllocation({ config: offered, allocation });
}

const ELIGIBLE = [
  { arm: 'arm-1', propensity: 0.2, setHash: 'x' },
  { arm: 'arm-2', propensity: 0.2, setHash: 'y' },
  { arm: 'baseline', propensity: 0.6, setHash: 'b' },
];

/** Views of a policy that gives the baseline 60 % and the others 20 % each; rewards 50, 54 and 48. */
function views(count: number, eligible = ELIGIBLE): LoggedDecision[] {
  const uniform = uniforms(11);
  return Array.from({ length: count }, () => {
    const drawn = uniform();
    const given = eligible[drawn < 0.6 ? 2 : drawn < 0.8 ? 0 : 1] ?? ELIGIBLE[2];
    if (!given) throw new Error('nothing eligible');
    const mean = { 'arm-1': 54, 'arm-2': 48 }[given.arm] ?? 50;
    const { arm, setHash } = given;
    const propensity = eligible
      .filter((each) => each.setHash === setHash)
      .reduce((sum, each) => sum + each.propensity, 0);
    return { context: PHONE, arm, setHash, propensity, reward: mean + 10 * (uniform() - 0.5), eligible };
  });
}

const score = (seen: readonly LoggedDecision[], policy: ReturnType<typeof candidate>) => {
  const scored = scoreShadow(seen, policy, LOGGED, 0.05);
  if (!scored) throw new Error('no views');
  return scored;
};

describe('a shadow’s score', () => {
  it('is what the candidate would have earned, by all three estimators', () => {
    const found = score(views(4000), candidate({ baseline: 0.1, 'arm-1': 0.8, 'arm-2': 0.1 }));
    const truth = 0.1 * 50 + 0.8 * 54 + 0.1 * 48;
    for (const name of ['snips', 'dr', 'dros'] as const) expect(Math.abs(found[name] - truth)).toBeLessThan(0.5);
    expect(found.gain.low).toBeLessThan(truth - found.logged);
    expect(found.gain.low).toBeGreaterThan(0);
    expect(found.effectiveViews).toBeLessThan(2000);
    expect(found.unsupportedShare).toBe(0);
  });

  it('of the policy that decided is no gain, and every view counts whole', () => {
    const found = score(views(1000), candidate({ baseline: 0.6, 'arm-1': 0.2, 'arm-2': 0.2 }));
    expect(found.effectiveViews).toBeCloseTo(1000, 6);
    expect(Math.abs(found.gain.difference)).toBeLessThan(0.1);
  });

  it('counts arms of one treatment as one', () => {
    const same = ELIGIBLE.map((each) => (each.arm === 'arm-2' ? { ...each, setHash: 'x' } : each));
    const found = score(views(1000, same), candidate({ baseline: 0.6, 'arm-1': 0.4 }));
    expect(found.effectiveViews).toBeCloseTo(1000, 6);
  });

  it('says how much of the candidate nobody has tried, and asks the model about that', () => {
    const untried = candidate({ baseline: 0.5, 'arm-3': 0.5 }, { 'arm-3': 6 });
    const found = score(views(2000), untried);
    expect(found.unsupportedShare).toBeCloseTo(0.5, 9);
    expect(found.dr).toBeGreaterThan(found.logged + 2);
  });

  it('gives a view whose arms have no weight to the baseline, as a decision would', () => {
    const found = score(views(500, ELIGIBLE), candidate({ 'arm-9': 1 }));
    expect(found.unsupportedShare).toBe(0);
    expect(Math.abs(found.snips - 50)).toBeLessThan(1);
  });

  it('is nothing without views', () => {
    expect(scoreShadow([], candidate({ baseline: 1 }), LOGGED, 0.05)).toBeNull();
  });
});
