import { describe, expect, it } from 'vitest';
import { bestProbabilities } from '../../src/policy/best-probabilities.ts';
import { chanceAboveZero, normalCdf } from '../../src/policy/normal-distribution.ts';
import { seededRng } from '../../src/policy/seeded-rng.ts';

const joint = (mean: number[], covariance: number[]) => ({
  mean: Float64Array.from(mean),
  covariance: { rows: mean.length, columns: mean.length, data: Float64Array.from(covariance) },
});
/** Five standard errors of a share of 20,000 draws. */
const TOLERANCE = 0.018;

describe('P(best)', () => {
  it('of two arms is the chance that their difference is above 0, correlation and all', () => {
    const [first = 0] = bestProbabilities(joint([1, 0], [2, 1.5, 1.5, 2]), [0, 1], seededRng(1, 'x'), 20_000);
    expect(Math.abs(first - normalCdf(1))).toBeLessThan(TOLERANCE);
  });

  it('of three independent arms is ∫φ(t)Π Φ((m_k + t s_k − m_i)/s_i)dt', () => {
    const [means, sds] = [
      [0, 0.5, 1],
      [1, 2, 0.5],
    ];
    const covariance = sds?.flatMap((sd, row) => sds.map((_, column) => (row === column ? sd ** 2 : 0))) ?? [];
    const chances = bestProbabilities(joint(means ?? [], covariance), [0, 1, 2], seededRng(2, 'x'), 20_000);
    for (const arm of [0, 1, 2]) {
      let integral = 0;
      for (let t = -8; t < 8; t += 0.01) {
        const here = (means?.[arm] ?? 0) + t * (sds?.[arm] ?? 0);
        const below = [0, 1, 2]
          .filter((other) => other !== arm)
          .map((other) => normalCdf((here - (means?.[other] ?? 0)) / (sds?.[other] ?? 1)));
        integral +=
          ((0.01 * Math.exp((-t * t) / 2)) / Math.sqrt(2 * Math.PI)) *
          below.reduce((product, chance) => product * chance, 1);
      }
      expect(Math.abs((chances[arm] ?? 0) - integral)).toBeLessThan(TOLERANCE);
    }
  });

  it('is shared among the candidates alone and sums to 1', () => {
    const chances = bestProbabilities(joint([9, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0, 1]), [1, 2], seededRng(3, 'x'), 500);
    expect(chances[0]).toBe(0);
    expect((chances[1] ?? 0) + (chances[2] ?? 0)).toBeCloseTo(1, 12);
  });
});

describe('the chance that a normal is above 0', () => {
  it('knows certainty', () => {
    expect([chanceAboveZero(1, 0), chanceAboveZero(-1, 0), chanceAboveZero(0, 0)]).toEqual([1, 0, 0.5]);
    expect(chanceAboveZero(1.645, 1)).toBeCloseTo(0.95, 3);
  });
});
