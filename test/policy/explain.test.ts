import { describe, expect, it } from 'vitest';
import type { Context, ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { explain, MAX_VIEWS_TO_DECIDE } from '../../src/policy/explain.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { CREATED_AT, FAST, gaussianStatistics, PHONE, statisticsOf, testArms, testConfig } from './policy-fixtures.ts';

const config = testConfig({ arms: testArms(3) });
const stamp = { config, seed: 1, allocationVersion: 2, createdAt: CREATED_AT };
const explained = (statistics: ViewStatistics[], context: Context = PHONE) => {
  const allocation = buildAllocation({ ...stamp, statistics, previous: null, maturedViews: 0 });
  return explain({ allocation, config, statistics, context });
};
const means = (arms: [string, number][], n = 200): ViewStatistics[] =>
  arms.map(([arm, mean]) => gaussianStatistics({ arm, n, mean, sd: 10 }));

describe('explaining a context', () => {
  const clear = explained(
    means([
      ['baseline', 60],
      ['arm-1', 65],
      ['arm-2', 61],
    ]),
  );

  it('says what is best, by how much, and on what evidence', () => {
    expect(clear).toMatchObject({ level: 'cell', best: 'arm-1', configVersion: 1, allocationVersion: 2 });
    const best = clear.arms.find(({ arm }) => arm === 'arm-1');
    expect(best?.gain).toBeGreaterThan(3.5);
    expect(best?.gainSd).toBeLessThan(1.2);
    expect(best).toMatchObject({ effectiveN: 200, guard: 'ok', baseline: false });
    expect(clear.summary).toMatch(
      /^arm-1 is the best choice known for NO phone cellular: \+4\.\d points ± [01]\.\d over the baseline/,
    );
  });

  it('splits each gain by level', () => {
    for (const { gain, shrinkage } of clear.arms) {
      expect(shrinkage.global + shrinkage.region + shrinkage.device + shrinkage.cell).toBeCloseTo(gain, 8);
    }
  });

  it('answers from the region or from everywhere for a context without views, and says so', () => {
    const statistics = means([
      ['baseline', 60],
      ['arm-1', 65],
      ['arm-2', 61],
    ]);
    expect(explained(statistics, { ...PHONE, device: 'tv' })).toMatchObject({ level: 'region' });
    const elsewhere = explained(statistics, FAST);
    expect(elsewhere.level).toBe('global');
    expect(elsewhere.summary).toMatch(/from other regions' views/);
  });

  it('says that nothing is known before there are views', () => {
    const cold = explain({ allocation: coldAllocation(stamp), config, statistics: [], context: PHONE });
    expect(cold).toMatchObject({ level: 'cold', baselineShare: 0.9 });
    expect(cold.summary).toMatch(/Nothing is known for NO phone cellular yet: 90 % of views get the baseline/);
    expect(cold.arms).toHaveLength(3);
  });

  it('names the arms the guardrails took out', () => {
    const harmed = explained(
      means([
        ['baseline', 60],
        ['arm-1', 63],
        ['arm-2', 40],
      ]),
    );
    expect(harmed.summary).toMatch(/Taken out by the guardrails: arm-2 \(harm\)/);
  });

  it('shows the mean of every component of the reward', () => {
    const full = { ...defaultConfig({ createdAt: CREATED_AT }), arms: testArms(2) };
    const view = { quality: 80, stall: 0.01, startup: 1.5, switches: 2, mbps: 1.2 };
    const statistics = [statisticsOf({ arm: 'baseline' }, [view, view]), statisticsOf({ arm: 'arm-1' }, [])];
    const allocation = buildAllocation({ ...stamp, config: full, statistics, previous: null, maturedViews: 0 });
    const { arms } = explain({ allocation, config: full, statistics, context: PHONE });
    expect(arms.find(({ baseline }) => baseline)?.components).toEqual({ ...view, failure: 0 });
    expect(arms.find(({ baseline }) => !baseline)?.components).toBeNull();
  });
});

describe('the views still needed', () => {
  const neededFor = (gap: number, n: number) => {
    const { arms } = explained(
      means(
        [
          ['baseline', 60],
          ['arm-1', 60 + gap],
          ['arm-2', 50],
        ],
        n,
      ),
    );
    return arms.find(({ arm }) => arm === 'baseline')?.viewsNeeded;
  };

  it('are none where the choice is clear', () => {
    expect(neededFor(8, 400)).toBe(0);
  });

  it('grow as arms come closer, until it is never', () => {
    const [far, near] = [neededFor(1.2, 60), neededFor(0.6, 60)];
    expect(far).toBeTypeOf('number');
    expect(Number(near)).toBeGreaterThan(Number(far));
    expect(Number(near)).toBeLessThan(MAX_VIEWS_TO_DECIDE);
    expect(neededFor(0.001, 60)).toBe('never');
  });

  it('would decide: with that many more views of each at the same means, none are needed', () => {
    const n = 60;
    const needed = Number(neededFor(1.2, n));
    // The posterior's gap grows towards the data's with more views, so the promise errs on the safe side.
    expect(neededFor(1.2, n + needed)).toBe(0);
  });
});
