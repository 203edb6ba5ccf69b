import type { Rng } from '../domain/index.ts';
import { add, at, cholesky, type Matrix, zeros } from './matrix.ts';
import { normalDraws } from './seeded-rng.ts';

type JointNormal = { mean: Float64Array; covariance: Matrix };

function subset({ mean, covariance }: JointNormal, candidates: readonly number[]): { means: number[]; lower: Matrix } {
  const part = zeros(candidates.length, candidates.length);
  for (const [row, left] of candidates.entries()) {
    for (const [column, right] of candidates.entries()) add(part, row, column, at(covariance, left, right));
  }
  return { means: candidates.map((candidate) => mean[candidate] ?? 0), lower: cholesky(part) };
}

/**
 * P(best) of each candidate under a joint normal, by position; 0 for the others. `draws` are made as antithetic pairs (z and
 * −z), rounded up to a whole pair, and the result is a multiple of one draw.
 */
export function bestProbabilities(
  joint: JointNormal,
  candidates: readonly number[],
  rng: Rng,
  draws: number,
): Float64Array {
  const wins = new Float64Array(joint.mean.length);
  const { means, lower } = subset(joint, candidates);
  const size = candidates.length;
  const normal = normalDraws(rng);
  const z = new Float64Array(size);
  const pairs = Math.ceil(draws / 2);
  for (let pair = 0; pair < pairs; pair += 1) {
    for (let index = 0; index < size; index += 1) z[index] = normal();
    let [up, upBest, down, downBest] = [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 0];
    for (let row = 0; row < size; row += 1) {
      let deviation = 0;
      for (let column = 0; column <= row; column += 1) deviation += at(lower, row, column) * (z[column] ?? 0);
      const center = means[row] ?? 0;
      if (center + deviation > up) [up, upBest] = [center + deviation, row];
      if (center - deviation > down) [down, downBest] = [center - deviation, row];
    }
    for (const best of [upBest, downBest]) {
      const candidate = candidates[best] ?? 0;
      wins[candidate] = (wins[candidate] ?? 0) + 1;
    }
  }
  return wins.map((count) => count / (2 * pairs));
}
