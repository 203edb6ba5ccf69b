import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Allotment, sampleRatios } from '../../src/policy/sample-ratio.ts';
import { judgeScore } from '../../src/policy/sequential-score.ts';
import { uniforms } from './policy-fixtures.ts';

const allotment = (arm: string, observed: number, views: number, propensity: number): Allotment => ({
  arm,
  observed,
  expected: views * propensity,
  variance: views * propensity * (1 - propensity),
});
const differs = (...allotments: Allotment[]) => sampleRatios(allotments).map((each) => each.differs);

describe('the sample ratio', () => {
  it('is as it should be for arms given as often as their propensities say, give or take chance', () => {
    expect(differs(allotment('baseline', 9010, 10_000, 0.9), allotment('a', 990, 10_000, 0.1))).toEqual([false, false]);
  });

  it('is off for arms whose decisions are lost', () => {
    expect(differs(allotment('baseline', 9010, 10_000, 0.9), allotment('a', 700, 10_000, 0.1))).toEqual([false, true]);
  });

  it('is off for a sure difference of a hand-worked size', () => {
    // Variance 10,000·0.1·0.9 = 900, so 300 too few are 10 standard errors; the bound of 0.005 is √(2·(900+ρ)/900·…) < 5 of them.
    const { effect, low, high } = judgeScore({ surprise: -300, variance: 900 }, 0.005);
    expect(effect).toBeCloseTo(-1 / 3, 12);
    expect(high).toBeLessThan(-0.15);
    expect(low + high).toBeCloseTo(2 * effect, 9);
  });

  it('is not judged on a few views', () => {
    expect(judgeScore({ surprise: 9, variance: 9 }, 0.01).differs).toBe(false);
  });

  it('does not depend on which arm is named first, and is never off when nothing is', () => {
    const views = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(views, fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.integer(), (count, propensity, shift) => {
        const exact = [
          allotment('a', count * propensity, count, propensity),
          allotment('b', count * (1 - propensity), count, 1 - propensity),
        ];
        expect(differs(...exact)).toEqual([false, false]);
        const moved = exact.map((each, index) => ({
          ...each,
          observed: each.observed + (index === 0 ? 1 : -1) * (shift % 1000),
        }));
        expect(differs(...moved.toReversed())).toEqual(differs(...moved).toReversed());
      }),
    );
  });

  it('raises a false alarm in at most the promised share of runs, however often one looks and however propensities move', () => {
    const uniform = uniforms(29);
    let alarms = 0;
    for (let run = 0; run < 300; run += 1) {
      let [observed, expected, variance] = [0, 0, 0];
      let alarmed = false;
      for (let view = 0; view < 3000; view += 1) {
        const propensity = 0.02 + 0.3 * ((view >> 8) % 3);
        observed += Number(uniform() < propensity);
        expected += propensity;
        variance += propensity * (1 - propensity);
        if (view % 50 === 0) alarmed ||= differs({ arm: 'a', observed, expected, variance })[0] === true;
      }
      alarms += Number(alarmed);
    }
    // 1 % is promised: 3 of 300, and three standard errors above.
    expect(alarms).toBeLessThanOrEqual(8);
  });
});
