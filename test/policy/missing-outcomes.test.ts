import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation } from '../../src/policy/allocate.ts';
import { armsThatLoseOutcomes, missingOutcomes } from '../../src/policy/missing-outcomes.ts';
import { CREATED_AT, DESKTOP, gaussianStatistics, PHONE, testArms, testConfig, uniforms } from './policy-fixtures.ts';

const arms = [
  { id: 'baseline', baseline: true },
  { id: 'arm-1', baseline: false },
];
type Changes = Partial<ViewStatistics>;
const row = (arm: string, decided: number, changes: Changes = {}): ViewStatistics => ({
  ...gaussianStatistics({ arm, n: decided, mean: 60 }),
  decided,
  ...changes,
});
const check = (statistics: ViewStatistics[], kind: 'failed' | 'left' | 'unobserved', arm = 'arm-1') => {
  const found = missingOutcomes(statistics, arms).find((each) => each.kind === kind && each.arm === arm);
  if (!found) throw new Error('no such check');
  return found;
};

describe('missing outcomes', () => {
  it('are compared by hand: 60 of 200 against 200 of 2,000, in one stratum', () => {
    const { excess, low, high, views, differs } = check(
      [row('baseline', 2000, { unobserved: 200 }), row('arm-1', 200, { unobserved: 60 })],
      'unobserved',
    );
    expect([excess, views]).toEqual([0.2, 200]);
    // Score: 60 − 200·260/2200 = 36.4, which is 8.4 times √(200·2000·260·1940/(2200²·2199)) = 4.35.
    expect(differs).toBe(true);
    // Standard error √(0.301·0.699/200 + 0.100·0.900/2000) = 0.0331; the bound is between three and four of them.
    expect(excess - low).toBeGreaterThan(3 * 0.0331);
    expect(excess - low).toBeLessThan(4 * 0.0331);
    expect(high - excess).toBeCloseTo(excess - low, 3);
  });

  it('pool over strata, and blame no arm for the days and places it was given in', () => {
    const statistics = [
      row('baseline', 900, { context: PHONE, unobserved: 450 }),
      row('arm-1', 100, { context: PHONE, unobserved: 50 }),
      row('baseline', 100, { context: DESKTOP, unobserved: 5 }),
      row('arm-1', 900, { context: DESKTOP, unobserved: 45 }),
    ];
    expect(check(statistics, 'unobserved')).toMatchObject({ excess: 0, differs: false, views: 1000 });
    const pooled = [
      ...statistics,
      row('baseline', 500, { ageDays: 1, left: 0 } as Changes),
      row('arm-1', 500, { ageDays: 1 }),
    ];
    expect(check(pooled, 'unobserved').excess).toBe(0);
  });

  it('tell the three kinds apart', () => {
    const statistics = [
      row('baseline', 2000, { failedToStart: 20, leftBeforeStart: 100 }),
      row('arm-1', 2000, { failedToStart: 20, leftBeforeStart: 260 }),
    ];
    expect(check(statistics, 'left')).toMatchObject({ excess: 0.08, differs: true });
    expect(check(statistics, 'failed')).toMatchObject({ excess: 0, differs: false });
    expect(check(statistics, 'unobserved')).toMatchObject({ excess: 0, differs: false });
  });

  it('say nothing of an arm without views', () => {
    expect(check([row('baseline', 100, { unobserved: 9 })], 'unobserved')).toMatchObject({
      views: 0,
      low: -1,
      high: 1,
      differs: false,
    });
  });

  it('notice an arm that surely loses fewer, too, but take out only one that surely loses many more', () => {
    const fewer = [row('baseline', 3000, { unobserved: 900 }), row('arm-1', 3000, { unobserved: 300 })];
    expect(check(fewer, 'unobserved')).toMatchObject({ excess: -0.2, differs: true });
    expect(armsThatLoseOutcomes(missingOutcomes(fewer, arms))).toEqual(new Set());
    const more = [row('baseline', 3000, { unobserved: 300 }), row('arm-1', 3000, { unobserved: 900 })];
    expect(armsThatLoseOutcomes(missingOutcomes(more, arms))).toEqual(new Set(['arm-1']));
    const little = [row('baseline', 30_000, { unobserved: 3000 }), row('arm-1', 30_000, { unobserved: 4200 })];
    expect(check(little, 'unobserved')).toMatchObject({ excess: 0.04, differs: true });
    expect(armsThatLoseOutcomes(missingOutcomes(little, arms))).toEqual(new Set());
  });

  it('take the arm out of every context, and say so in the allocation', () => {
    const config = testConfig({ arms: testArms(2) });
    const stamp = { config, seed: 1, allocationVersion: 2, createdAt: CREATED_AT, maturedViews: 0, previous: null };
    const losing = [PHONE, DESKTOP].flatMap((context) => [
      row('baseline', 2000, { context }),
      row('arm-1', 2000, { context, unobserved: 600 }),
    ]);
    const { contexts, checks } = buildAllocation({ ...stamp, statistics: losing });
    expect(contexts.map(({ arms: [, arm] }) => [arm?.guard, arm?.weight])).toEqual(contexts.map(() => ['missing', 0]));
    expect(checks?.missing.find(({ kind }) => kind === 'unobserved')).toMatchObject({ arm: 'arm-1', differs: true });
  });

  it('do not change with the order of rows, nor with how they are cut', () => {
    const counts = fc.record({
      decided: fc.integer({ min: 1, max: 400 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(counts, counts, fc.integer({ min: 1, max: 5 }), (own, usual, parts) => {
        const of = (arm: string, { decided, share }: typeof own, cut: number) =>
          Array.from({ length: cut }, (_, bucket) =>
            row(arm, decided / cut, { bucket, unobserved: (decided * share) / cut }),
          );
        const whole = check([...of('baseline', usual, 1), ...of('arm-1', own, 1)], 'unobserved');
        const cut = check([...of('arm-1', own, parts), ...of('baseline', usual, parts)], 'unobserved');
        expect(cut.excess).toBeCloseTo(whole.excess, 4);
        expect(cut.low).toBeCloseTo(whole.low, 4);
        expect(cut.differs).toBe(whole.differs);
      }),
    );
  });

  it('hardly ever differ while chance alone makes them, however often one looks', () => {
    const uniform = uniforms(17);
    let alarms = 0;
    for (let run = 0; run < 200; run += 1) {
      const seen = { baseline: { decided: 0, unobserved: 0 }, 'arm-1': { decided: 0, unobserved: 0 } };
      let alarmed = false;
      for (let look = 0; look < 30; look += 1) {
        for (const [arm, count] of [
          ['baseline', 90],
          ['arm-1', 10],
        ] as const) {
          seen[arm].decided += count;
          for (let n = 0; n < count; n += 1) seen[arm].unobserved += Number(uniform() < 0.2);
        }
        const rows = [row('baseline', 0, seen.baseline), row('arm-1', 0, seen['arm-1'])];
        alarmed ||= missingOutcomes(rows, arms).some(({ differs }) => differs);
      }
      alarms += Number(alarmed);
    }
    // 5 % for three kinds, of which one is ever seen; three standard errors above.
    expect(alarms / 200).toBeLessThan(0.05 + 3 * 0.0154);
  });
});
