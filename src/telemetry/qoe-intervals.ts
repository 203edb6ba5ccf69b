/** A figure with what it was made of. `value` and `ci95` are null where nothing was measured, `ci95` also below two views. */
export type Metric = {
  value: number | null;
  numerator: number;
  denominator: number;
  ci95: [number, number] | null;
  /** Views behind it. */
  n: number;
};

/** The 97.5 % quantile of the standard normal distribution; tabulated approximations are off in the third digit. */
const Z95 = 1.959964;

/** Quantile levels asked of the database, so that intervals of any quantile can be read off. */
export const STARTUP_GRID: readonly number[] = Array.from({ length: 199 }, (_, index) => (index + 1) / 200);

/** Σx ÷ Σy over views with a delta-method interval, from [n, Σx, Σy, Σx², Σy², Σxy]. */
export function meanOfRatio(moments: readonly number[]): Metric {
  const [n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0] = moments;
  if (n === 0 || y === 0) return { value: null, numerator: x, denominator: y, ci95: null, n };
  const value = x / y;
  if (n < 2) return { value, numerator: x, denominator: y, ci95: null, n };
  const residual = Math.max(0, xx - 2 * value * xy + value * value * yy);
  const halfWidth = (Z95 * Math.sqrt((residual * n) / (n - 1))) / Math.abs(y);
  return { value, numerator: x, denominator: y, ci95: [value - halfWidth, value + halfWidth], n };
}

/** The `level` quantile read off STARTUP_GRID's answers, with the binomial order-statistic interval. */
export function quantileOf(grid: readonly number[], level: number, n: number): Metric {
  if (n === 0) return { value: null, numerator: 0, denominator: 0, ci95: null, n };
  const at = (p: number): number => {
    const index = Math.round(Math.min(Math.max(p, 0.005), 0.995) * 200) - 1;
    return grid[index] ?? 0;
  };
  const value = at(level);
  const spread = Z95 * Math.sqrt((level * (1 - level)) / n);
  return { value, numerator: value, denominator: 1, ci95: n < 2 ? null : [at(level - spread), at(level + spread)], n };
}
