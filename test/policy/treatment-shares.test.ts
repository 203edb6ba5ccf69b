import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContextAllocation } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import type { EligibleTreatment } from '../../src/policy/asset-treatments.ts';
import { chooseArm } from '../../src/policy/choose-arm.ts';
import { findEntry, type IndexedEntry, indexAllocation } from '../../src/policy/index-allocation.ts';
import { normalCdf } from '../../src/policy/normal-distribution.ts';
import { treatmentShares } from '../../src/policy/treatment-shares.ts';
import { CREATED_AT, gaussianStatistics, PHONE, testArms, testConfig } from './policy-fixtures.ts';

const exploration = { ...testConfig().exploration, budget: 0, sharpness: 1, posteriorDraws: 20_000 };
const config = testConfig({ arms: testArms(4), exploration });

/** An entry of four arms of which the first is the baseline; independent unless said otherwise. */
function entryOf(
  arms: { mean: number; sd?: number; guard?: 'ok' | 'harm'; weight?: number }[],
  changes: Partial<ContextAllocation> = {},
): IndexedEntry {
  const names = ['baseline', 'a', 'b', 'c'];
  const entry: ContextAllocation = {
    ...PHONE,
    level: 'cell',
    baselineShare: 0.2,
    arms: arms.map(({ mean, sd = 1, guard = 'ok', weight = 0.25 }, index) => ({
      arm: names[index] ?? '',
      weight,
      mean,
      sd,
      pBest: 0.25,
      effectiveN: 100,
      guard,
    })),
    covariance: arms.flatMap(({ sd = 1 }, row) =>
      arms.slice(0, row + 1).map((_, column) => (row === column ? sd ** 2 : 0)),
    ),
    ...changes,
  };
  const base = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
  return findEntry(indexAllocation({ config, allocation: { ...base, contexts: [entry, ...base.contexts] } }), PHONE);
}

/** Eligible treatments by `[arm, set]`, in the order of arms' ids. */
const eligibleOf = (...arms: [string, string][]): EligibleTreatment[] =>
  arms
    .map(([arm, setHash]) => ({ arm, setHash, baseline: arm === 'baseline', rungs: [] }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1));
const sharesOf = (entry: IndexedEntry, eligible: EligibleTreatment[]) => {
  const { shares } = treatmentShares(entry, eligible);
  return Object.fromEntries(eligible.map(({ arm }, index) => [arm, shares[index] ?? 0]));
};
/** Six standard errors of 20,000 draws. */
const CLOSE = 0.022;

describe('the shares of treatments', () => {
  it('are the weights of the entry where every arm is eligible and another', () => {
    const entry = entryOf([
      { mean: 0, weight: 0.3 },
      { mean: 1, weight: 0.4 },
      { mean: 0, weight: 0.2 },
      { mean: 0, weight: 0.1 },
    ]);
    const { shares } = treatmentShares(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'C'], ['c', 'D']));
    expect(shares.map((share) => share.toFixed(12))).toEqual(
      ['0.4', '0.2', '0.3', '0.1'].map((text) => Number(text).toFixed(12)),
    );
  });

  it('are P(best) among what is left, not what is left of P(best)', () => {
    // c is surely the best of all, so a and b hardly ever are; without it the question is between them and the baseline.
    const entry = entryOf([{ mean: -50 }, { mean: 1 }, { mean: 0 }, { mean: 50, weight: 0.97 }]);
    const shares = sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'C']));
    const best = normalCdf(1 / Math.SQRT2);
    expect(Math.abs((shares.a ?? 0) - 0.8 * best)).toBeLessThan(CLOSE);
    expect(Math.abs((shares.b ?? 0) - 0.8 * (1 - best))).toBeLessThan(CLOSE);
    expect(Math.abs((shares.baseline ?? 0) - 0.2)).toBeLessThan(1e-9);
  });

  it('count arms that are the same here once', () => {
    const entry = entryOf([{ mean: -50 }, { mean: 0 }, { mean: 0 }, { mean: 0 }]);
    const apart = sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'C'], ['c', 'D']));
    expect(apart.c).toBe(0.25);
    // Their average has half the variance: as likely above c's as below.
    const twins = sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'B'], ['c', 'D']));
    expect(Math.abs((twins.c ?? 0) - 0.4)).toBeLessThan(CLOSE);
    expect(Math.abs((twins.a ?? 0) + (twins.b ?? 0) - 0.4)).toBeLessThan(CLOSE);
    expect(twins.a).toBeCloseTo(twins.b ?? 0, 12);
  });

  it('know that arms go together', () => {
    // a and b rise and fall as one: b, a little worse, is never the best beside a, however wide either is.
    const covariance = [1, 0, 9, 0, 9, 9, 0, 0, 0, 1];
    const entry = entryOf([{ mean: -90 }, { mean: 1, sd: 3 }, { mean: 0, sd: 3 }, { mean: -90 }], { covariance });
    expect(sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'C'])).b).toBeLessThan(0.001);
  });

  it('give the set of the baseline its fixed share under the name of the baseline', () => {
    const entry = entryOf([{ mean: 0 }, { mean: 50 }, { mean: 0 }, { mean: 0 }]);
    const eligible = eligibleOf(['baseline', 'A'], ['a', 'A'], ['b', 'B']);
    const shares = sharesOf(entry, eligible);
    expect(shares.baseline).toBeGreaterThanOrEqual(0.2);
    expect((shares.baseline ?? 0) + (shares.a ?? 0)).toBeCloseTo(1, 2);
    expect(chooseArm({ entry, treatments: { configVersion: 1, eligible }, uniform: 0.5 }).propensity).toBeCloseTo(1, 2);
  });

  it('give guarded arms nothing, and the baseline all when nothing else is left', () => {
    const entry = entryOf([{ mean: 0 }, { mean: 50, guard: 'harm', weight: 0 }, { mean: 0 }, { mean: 0 }]);
    expect(sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B']))).toEqual({ a: 0, baseline: 1 });
    expect(sharesOf(entry, eligibleOf(['baseline', 'A'], ['a', 'B'], ['b', 'C'])).a).toBe(0);
  });

  it('are the scaled weights of an entry that has no joint posterior', () => {
    const base = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
    const entry = findEntry(indexAllocation({ config, allocation: base }), PHONE);
    const shares = sharesOf(entry, eligibleOf(['baseline', 'A'], ['arm-1', 'B']));
    expect(shares.baseline).toBeCloseTo(0.9 / (0.9 + 0.1 / 3), 12);
  });

  it('sum to 1, never leave the baseline below its share, and depend on nothing but the kind of asset', () => {
    const statistics = config.arms.map(({ id }, index) => gaussianStatistics({ arm: id, n: 40, mean: 60 + index }));
    const stamp = { config, seed: 5, allocationVersion: 2, createdAt: CREATED_AT, maturedViews: 0 };
    const allocation = buildAllocation({ ...stamp, statistics, previous: null });
    const sets = fc.array(fc.constantFrom('A', 'B', 'C'), { minLength: 3, maxLength: 3 });
    const there = fc.subarray(['arm-1', 'arm-2', 'arm-3']);
    fc.assert(
      fc.property(there, sets, fc.string(), (arms, names, suffix) => {
        const eligible = (tail: string) =>
          eligibleOf(
            ['baseline', `A${tail}`],
            ...arms.map((arm, index): [string, string] => [arm, `${names[index]}${tail}`]),
          );
        const entry = () => findEntry(indexAllocation({ config, allocation }), PHONE);
        const shares = sharesOf(entry(), eligible(''));
        expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        const { baselineShare } = entry().entry;
        expect(shares.baseline).toBeGreaterThanOrEqual(baselineShare - 1e-9);
        expect(sharesOf(entry(), eligible(suffix))).toEqual(shares);
      }),
      { numRuns: 30 },
    );
  });
});
