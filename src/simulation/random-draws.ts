import type { Rng } from '../domain/index.ts';

/** A standard normal draw (Box–Muller). */
export function drawNormal(rng: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng()));
  return radius * Math.cos(2 * Math.PI * rng());
}

/** A lognormal draw; `median` is exp(mean of the logarithm), `sigma` the sd of the logarithm. */
export function drawLognormal(rng: Rng, median: number, sigma: number): number {
  return median * Math.exp(sigma * drawNormal(rng));
}

/** An exponential draw. */
export function drawExponential(rng: Rng, mean: number): number {
  return -mean * Math.log(1 - rng());
}

/** An index, with probability proportional to its weight; weights ≥ 0 and not all 0. */
export function drawIndex(rng: Rng, weights: readonly number[]): number {
  let left = rng() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1;
}
