import type { QoeKind } from './qoe-metrics.ts';

/** A figure with what it was made of. `value` is null where nothing was measured, `ci95` where too little was. */
export type Metric = {
  value: number | null;
  numerator: number;
  denominator: number;
  ci95: [number, number] | null;
  /** Views behind it. */
  n: number;
  /** Whether there are MIN_PLAYS of them: below, the figure is shown and no alert may rest on it. */
  enough: boolean;
};

/** Fewer plays than this are an anecdote: the usual gate of QoE alerting. */
export const MIN_PLAYS = 25;

/** The 97.5 % quantile of the standard normal distribution; tabulated approximations are off in the third digit. */
export const Z95 = 1.959964;

/** Events that a count of none still allows at 97.5 %: −ln 0.025. */
const NONE_SEEN = 3.688879;

/** Below this share of Σx² a spread is rounding, not spread. */
const ROUNDING = 1e-12;

/**
 * Σx ÷ Σy from [n, Σx, Σy, Σx², Σy², Σxy] over views. Proportions have Wilson's interval, the rest the delta method's. Views
 * count as independent; those of one session or asset are not quite, so true intervals are somewhat wider.
 */
export function ratioOfSums(kind: QoeKind, moments: readonly number[]): Metric {
  const [n = 0, x = 0, y = 0] = moments.map(finite);
  const value = x / y;
  const made = { numerator: x, denominator: y, n, enough: n >= MIN_PLAYS };
  if (!(n > 0 && Number.isFinite(value))) return { value: null, ...made, ci95: null };
  const [low, high] = kind === 'proportion' ? wilson(value, n) : spreadOf(kind, value, moments.map(finite));
  return { value, ...made, ci95: Number.isFinite(low) && Number.isFinite(high) ? [low, high] : null };
}

/** A quantile read off order statistics: its value, and the bounds where there are enough views to have any. */
export function orderStatistic(
  read: readonly [value: number | null, low: number | null, high: number | null] | undefined,
  n: number,
): Metric {
  const [value, low, high] = read ?? [null, null, null];
  const made = { n, enough: n >= MIN_PLAYS };
  if (n === 0 || value === null) return { value: null, numerator: 0, denominator: 0, ci95: null, ...made };
  const ci95: Metric['ci95'] = low === null || high === null ? null : [low, high];
  return { value, numerator: value, denominator: 1, ci95, ...made };
}

/** Wilson's score interval of a share `p` of `n`: 0 of n is not certainly 0. */
function wilson(p: number, n: number): [number, number] {
  const zz = Z95 * Z95;
  const centre = (p + zz / (2 * n)) / (1 + zz / n);
  const halfWidth = (Z95 / (1 + zz / n)) * Math.sqrt((p * (1 - p)) / n + zz / (4 * n * n));
  return [p <= 0 ? 0 : Math.max(0, centre - halfWidth), p >= 1 ? 1 : Math.min(1, centre + halfWidth)];
}

/** The delta method's interval, cut to what the kind can be; NaN below two views. */
function spreadOf(kind: QoeKind, value: number, moments: readonly number[]): [number, number] {
  const [n = 0, , y = 0, xx = 0, yy = 0, xy = 0] = moments;
  if (n < 2) return [Number.NaN, Number.NaN];
  const residual = xx - 2 * value * xy + value * value * yy;
  if (!(residual > ROUNDING * xx)) return withoutSpread(kind, value, y, yy);
  const halfWidth = (Z95 * Math.sqrt((residual * n) / (n - 1))) / Math.abs(y);
  return withinRange(kind, [value - halfWidth, value + halfWidth]);
}

/**
 * Views that all say the same show no spread, which is not certainty. A part of a whole varies by no more than a yes or no
 * does, so it gets Wilson's at the number of views that their unequal weights amount to.
 */
function withoutSpread(kind: QoeKind, value: number, y: number, yy: number): [number, number] {
  if (kind === 'fraction') return wilson(Math.min(1, Math.max(0, value)), (y * y) / yy);
  if (kind === 'rate' && value === 0) return [0, NONE_SEEN / y];
  return [value, value];
}

function withinRange(kind: QoeKind, [low, high]: [number, number]): [number, number] {
  if (kind === 'mean') return [low, high];
  return [Math.max(0, low), kind === 'fraction' ? Math.min(1, high) : high];
}

const finite = (number: number): number => (Number.isFinite(number) ? number : 0);
