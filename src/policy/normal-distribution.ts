import { errorFunction } from 'simple-statistics';

/** P(a standard normal ≤ z); absolute error below 1e-6. */
export const normalCdf = (z: number): number => 0.5 * (1 + errorFunction(z / Math.SQRT2));

/** P(a normal with this mean and sd is above 0); a certain one is 0, ½ or 1. */
export function chanceAboveZero(mean: number, sd: number): number {
  if (sd > 0) return normalCdf(mean / sd);
  return mean > 0 ? 1 : mean < 0 ? 0 : 0.5;
}
