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
  const pairs = Math.ceil(draws / 2);
  countWins(Float64Array.from(means), lower.data, normalDraws(rng), pairs, (best) => {
    const candidate = candidates[best] ?? 0;
    wins[candidate] = (wins[candidate] ?? 0) + 1;
  });
  return wins.map((count) => count / (2 * pairs));
}

/** The best of means + Lz and of means − Lz, `pairs` times. Most of a refit is spent here: plain loops, nothing allocated. */
function countWins(
  means: Float64Array,
  lower: Float64Array,
  normal: Rng,
  pairs: number,
  won: (index: number) => void,
): void {
  const size = means.length;
  const z = new Float64Array(size);
  for (let pair = 0; pair < pairs; pair += 1) {
    for (let index = 0; index < size; index += 1) z[index] = normal();
    let [up, upBest, down, downBest] = [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 0];
    for (let row = 0; row < size; row += 1) {
      const start = row * size;
      let deviation = 0;
      for (let column = 0; column <= row; column += 1) {
        deviation += (lower[start + column] as number) * (z[column] as number);
      }
      const center = means[row] as number;
      if (center + deviation > up) {
        up = center + deviation;
        upBest = row;
      }
      if (center - deviation > down) {
        down = center - deviation;
        downBest = row;
      }
    }
    won(upBest);
    won(downBest);
  }
}
