import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSides, type TrialGroup } from '../../../src/policy/promotion/compare-sides.ts';
import { DESKTOP, PHONE, uniforms } from '../policy-fixtures.ts';

type View = { reward: number; line?: number; stalledSeconds?: number };

/** One side as telemetry sums it up; every view is a minute long. */
function group(
  side: Pick<TrialGroup, 'candidate'> & Partial<TrialGroup>,
  views: readonly View[],
  failedToStart = 0,
): TrialGroup {
  const total = (of: (view: Required<View>) => number): number =>
    views.reduce((sum, { reward, line = 0, stalledSeconds = 0 }) => sum + of({ reward, line, stalledSeconds }), 0);
  return {
    context: PHONE,
    candidateShare: 0.5,
    moments: [
      views.length,
      total(({ reward }) => reward),
      total(({ reward }) => reward ** 2),
      total(({ line }) => line),
      total(({ line }) => line ** 2),
      total(({ line, reward }) => line * reward),
    ],
    stall: [
      total(({ stalledSeconds: s }) => s),
      total(() => 60),
      total(({ stalledSeconds: s }) => s ** 2),
      total(({ stalledSeconds: s }) => 60 * s),
      total(() => 3600),
    ],
    decided: views.length + failedToStart + 4,
    heard: views.length + failedToStart,
    failedToStart,
    ...side,
  };
}

const around = (mean: number, n: number, sd = 10): View[] =>
  Array.from({ length: n }, (_, index) => ({ reward: mean + (index % 2 === 0 ? sd : -sd) }));

describe('both sides of a trial', () => {
  it('are compared inside contexts: a side that got the slow ones is not blamed for it', () => {
    const compared = compareSides(
      [
        group({ candidate: true, context: PHONE }, around(22, 300)),
        group({ candidate: false, context: PHONE }, around(20, 100)),
        group({ candidate: true, context: DESKTOP }, around(82, 100)),
        group({ candidate: false, context: DESKTOP }, around(80, 300)),
      ],
      0.05,
    );
    expect(compared).toMatchObject({ views: 400, controlViews: 400 });
    expect(compared?.reward.difference).toBeCloseTo(2, 9);
  });

  it('are compared inside shares: views of a good day count for both or for none', () => {
    const compared = compareSides(
      [
        group({ candidate: true, candidateShare: 0.05 }, around(20, 20)),
        group({ candidate: false, candidateShare: 0.05 }, around(20, 380)),
        group({ candidate: true, candidateShare: 0.5 }, around(80, 400)),
        group({ candidate: false, candidateShare: 0.5 }, around(80, 400)),
      ],
      0.05,
    );
    expect(compared?.reward.difference).toBeCloseTo(0, 9);
  });

  it('are what they are by hand', () => {
    const candidate = group({ candidate: true }, [
      { reward: 10, stalledSeconds: 0 },
      { reward: 14, stalledSeconds: 12 },
    ]);
    const control = group(
      { candidate: false },
      [{ reward: 4 }, { reward: 6 }, { reward: 8, stalledSeconds: 6 }, { reward: 10 }],
      1,
    );
    const compared = compareSides([candidate, control], 0.05);
    expect(compared?.reward.difference).toBeCloseTo(12 - 7, 9);
    expect(compared?.stallRatio.difference).toBeCloseTo(12 / 120 - 6 / 240, 9);
    expect(compared?.startFailure.difference).toBeCloseTo(0 - 1 / 5, 9);
    expect(compared?.unheard.difference).toBeCloseTo(4 / 6 - 4 / 9, 9);
  });

  it('have the part of the reward taken off that was known before', () => {
    const uniform = uniforms(3);
    const views = (effect: number, n: number): View[] =>
      Array.from({ length: n }, () => {
        const line = uniform() * 4;
        return { reward: 50 + effect + 10 * line + (uniform() - 0.5), line };
      });
    const compared = compareSides(
      [group({ candidate: true }, views(1, 200)), group({ candidate: false }, views(0, 200))],
      0.05,
    );
    // Without it the standard error alone would be 1.2.
    expect(compared?.reward.difference).toBeCloseTo(1, 0);
    expect(compared?.reward.low).toBeGreaterThan(0.7);
    expect(compared?.reward.high).toBeLessThan(1.3);
  });

  it('are not compared where a stratum lacks one', () => {
    expect(compareSides([group({ candidate: true }, around(1, 10))], 0.05)).toBeNull();
    expect(compareSides([], 0.05)).toBeNull();
  });

  it('never look surer for a side that happened to be steady', () => {
    const steady = Array.from({ length: 5 }, () => ({ reward: 50 }));
    const noisy = around(50, 500, 30);
    const compared = compareSides([group({ candidate: true }, steady), group({ candidate: false }, noisy)], 0.05);
    // Five views of a standard deviation of 30: 13.4 for the candidate alone.
    expect((compared?.reward.high ?? 0) - (compared?.reward.difference ?? 0)).toBeGreaterThan(2 * 13.4);
  });

  it('only change their sign when they are called by each other’s name', () => {
    const side = fc.array(
      fc.record({
        reward: fc.double({ min: -100, max: 95, noNaN: true }),
        line: fc.double({ min: -3, max: 3, noNaN: true }),
      }),
      { minLength: 2, maxLength: 20 },
    );
    fc.assert(
      fc.property(side, side, (left, right) => {
        const there = compareSides([group({ candidate: true }, left), group({ candidate: false }, right)], 0.05);
        const back = compareSides([group({ candidate: true }, right), group({ candidate: false }, left)], 0.05);
        expect(there?.reward.difference).toBeCloseTo(-(back?.reward.difference ?? 0), 6);
        if (there?.reward.low != null) expect(there.reward.low).toBeCloseTo(-(back?.reward.high ?? 0), 4);
      }),
      { numRuns: 50 },
    );
  });
});
