import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conservativeLedger } from '../../src/policy/conservative-ledger.ts';
import type { ContextPosterior } from '../../src/policy/context-posterior.ts';
import { add, zeros } from '../../src/policy/matrix.ts';
import { PHONE } from './policy-fixtures.ts';

type Arm = { mean: number; sd: number; played: number };

/** Arms that are independent of each other; the first is the baseline. */
function posterior(arms: readonly Arm[], level: ContextPosterior['level'] = 'cell'): ContextPosterior {
  const covariance = zeros(arms.length, arms.length);
  for (const [index, { sd }] of arms.entries()) add(covariance, index, index, sd ** 2);
  const nothing = new Float64Array(arms.length);
  return {
    context: PHONE,
    level,
    mean: Float64Array.from(arms, ({ mean }) => mean),
    covariance,
    effectiveViews: Float64Array.from(arms, ({ played }) => played),
    parts: { global: nothing, region: nothing, device: nothing, cell: nothing },
    cells: [],
    evidence: [],
    noiseSd: 10,
  };
}

const BASELINE = { mean: 80, sd: 0, played: 900 };
const of = (arms: readonly Arm[], wanted: number, lossShare = 0.05, weights: number[] | null = null) =>
  conservativeLedger(
    posterior(arms),
    Float64Array.from(weights ?? arms.map((_, index) => (index === 0 ? 0 : 1 / (arms.length - 1)))),
    wanted,
    lossShare,
  );

describe('the ledger of a context', () => {
  it('is what it is by hand', () => {
    const { ledger, share } = of([BASELINE, { mean: 79, sd: 0.5, played: 100 }], 0.1);
    // 100 views at one point less, sure to two standard errors of 100 · 0.5.
    expect(ledger).toMatchObject({ views: 1000, gain: -100, allowance: 4, wantedBaselineShare: 0.1 });
    expect(ledger.gainLow).toBeCloseTo(-200, 9);
    // 4 points each of 1,000 views and the 100 that may come next are far from spent.
    expect(share).toBe(0.1);
  });

  it('gives challengers as many of the next views as it can surely pay for, and no more', () => {
    const challenger = { mean: 60, sd: 2, played: 175 };
    const { share } = of([{ ...BASELINE, played: 825 }, challenger], 0.1);
    // Surely 24 points less a view: 4,200 of the 4,400 that all of 1,100 views allow are spent, and 200 pay for 200 ÷ 24 views of the next 100.
    expect(share).toBeCloseTo(1 - 200 / 24 / 100, 9);
  });

  it('gives them nothing once it is overdrawn, unless they surely pay', () => {
    const spent = { mean: 30, sd: 0, played: 200 };
    expect(of([BASELINE, spent], 0.1).share).toBe(1);
    expect(of([BASELINE, spent, { mean: 83, sd: 1, played: 50 }], 0.1, 0.05, [0, 0, 1]).share).toBe(0.1);
    expect(of([BASELINE, spent, { mean: 83, sd: 2, played: 50 }], 0.1, 0.05, [0, 0, 1]).share).toBe(1);
  });

  it('lets a context without views of its own try what it would surely not lose by', () => {
    const unseen = (sd: number) =>
      conservativeLedger(
        posterior([BASELINE, { mean: 80, sd, played: 1e6 }], 'region'),
        Float64Array.of(0, 1),
        0.05,
        0.05,
      );
    expect(unseen(2).share).toBe(0.05);
    expect(unseen(2).ledger).toMatchObject({ views: 0, gain: 0 });
    // Surely 8 points less, where 4 may be lost: half of the views.
    expect(unseen(4).share).toBeCloseTo(0.5, 9);
  });

  it('allows something also where the baseline earns nothing', () => {
    for (const mean of [0, -10, 20]) {
      const { ledger } = of(
        [
          { ...BASELINE, mean },
          { mean, sd: 1, played: 10 },
        ],
        0.5,
      );
      expect(ledger.allowance).toBeCloseTo(1.25, 9);
    }
  });

  it('knows that arms which are alike are wrong together', () => {
    const alike = posterior([BASELINE, { mean: 80, sd: 4, played: 0 }, { mean: 80, sd: 4, played: 0 }], 'region');
    const apart = conservativeLedger(alike, Float64Array.of(0, 0.5, 0.5), 0.05, 0.05).share;
    add(alike.covariance, 1, 2, 16);
    add(alike.covariance, 2, 1, 16);
    const together = conservativeLedger(alike, Float64Array.of(0, 0.5, 0.5), 0.05, 0.05).share;
    expect(together).toBeGreaterThan(apart);
    expect(together).toBeCloseTo(0.5, 9);
  });

  it('never gives more than is wanted, nor more than its bound allows, and more when more may be lost', () => {
    const arm = fc.record({
      mean: fc.double({ min: -50, max: 95, noNaN: true }),
      sd: fc.double({ min: 0.01, max: 8, noNaN: true }),
      played: fc.double({ min: 0, max: 5000, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(arm, { minLength: 2, maxLength: 5 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.double({ min: 0.001, max: 0.2, noNaN: true }),
        (arms, wanted, lossShare) => {
          const { share } = of(arms, wanted, lossShare);
          expect(share).toBeGreaterThanOrEqual(wanted);
          expect(share).toBeLessThanOrEqual(1);
          expect(of(arms, wanted, 2 * lossShare).share).toBeLessThanOrEqual(share + 1e-9);
          expect(of(arms, wanted, 1e6).share).toBe(wanted);
        },
      ),
    );
  });

  it('keeps its promise over a life of batches, however bad the challenger turns out to be', () => {
    // What is believed of the challenger grows surer with every view; it is 30 points worse, and a prior thought it 5 better.
    let [played, lost, all] = [0, 0, 0];
    for (let batch = 0; batch < 200; batch += 1) {
      const precision = 1 / 25 + played / 100;
      const mean = 80 + (5 / 25 + (-30 * played) / 100) / precision;
      const arms = [
        { mean: 80, sd: 0, played: all - played },
        { mean, sd: precision ** -0.5, played },
      ];
      const { share } = of(arms, 0.05);
      const views = all === 0 ? 50 : 40;
      played += (1 - share) * views;
      all += views;
      lost += (1 - share) * views * 30;
      // Until the first batch was heard of, nobody could know.
      if (batch > 0) expect(lost / all).toBeLessThan(30 * (50 / all) + 4);
    }
    expect(lost / all).toBeLessThan(4);
  });
});
