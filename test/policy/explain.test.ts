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

  it('says when the ledger holds exploration back, and nothing of it otherwise', () => {
    const statistics = means(
      [
        ['baseline', 60],
        ['arm-1', 61],
        ['arm-2', 59],
      ],
      60,
    );
    const careful = { ...config, exploration: { ...config.exploration, lossShare: 0.001 } };
    const allocation = buildAllocation({ ...stamp, config: careful, statistics, previous: null, maturedViews: 0 });
    const held = explain({ allocation, config: careful, statistics, context: PHONE });
    expect(held.ledger?.wantedBaselineShare).toBeLessThan(held.baselineShare);
    expect(held.ledger?.views).toBeCloseTo(180, 6);
    expect(held.summary).toMatch(/held back by the ledger: 180 views have surely gained no less than/);
    expect(clear.summary).not.toMatch(/ledger/);
    expect(clear.ledger?.wantedBaselineShare).toBe(clear.baselineShare);
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

describe('the evidence of an arm', () => {
  const rows = [
    ...means([
      ['baseline', 60],
      ['arm-2', 58],
    ]),
    statisticsOf({ arm: 'arm-1', bucket: 0, capped: 5, clipped: { quality: 0, stall: 1, startup: 0, switches: 0 } }, [
      { quality: 60 },
      { quality: 62 },
    ]),
    statisticsOf({ arm: 'arm-1', bucket: 1 }, [{ quality: 64 }]),
    statisticsOf({ arm: 'arm-1', bucket: 2, decided: 2 }, [{ quality: 95 }, { quality: 95 }]),
  ];

  it('says what is clipped, what was set aside, and how buckets of address blocks differ', () => {
    const arm = explained(rows).arms.find((each) => each.arm === 'arm-1');
    expect(arm?.clippedShare).toEqual({ quality: 0, stall: 0.2, startup: 0, switches: 0 });
    expect(arm?.cappedShare).toBe(0.5);
    // Of five views at 61, 61, 64, 95 and 95 by bucket the middle one is 64; the mean is 75.2.
    expect(arm?.buckets).toEqual({ count: 3, mean: (2 * 61 + 64 + 2 * 95) / 5, median: 64 });
  });

  it('says whose outcomes go missing, in words too', () => {
    const losing = [
      { ...gaussianStatistics({ arm: 'baseline', n: 2000, mean: 60 }), decided: 2200, unobserved: 200 },
      { ...gaussianStatistics({ arm: 'arm-1', n: 2000, mean: 60 }), decided: 2600, unobserved: 600 },
      gaussianStatistics({ arm: 'arm-2', n: 200, mean: 60 }),
    ];
    const { arms, summary } = explained(losing);
    expect(arms.find(({ arm }) => arm === 'arm-1')?.missing.find(({ kind }) => kind === 'unobserved')?.differs).toBe(
      true,
    );
    expect(arms.find(({ baseline }) => baseline)?.missing).toEqual([]);
    expect(summary).toMatch(
      /Mind, over all contexts: views of arm-1 are never heard of more often than the baseline's/,
    );
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
