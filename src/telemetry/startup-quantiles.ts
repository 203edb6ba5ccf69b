import { type Metric, orderStatistic, Z95 } from './qoe-intervals.ts';

/** Quantiles of startup that `/v1/qoe` gives, over started views whose startup was measured. */
export const STARTUP_QUANTILES = {
  startupMsP50: 0.5,
  startupMsP75: 0.75,
  startupMsP95: 0.95,
  startupMsP99: 0.99,
} as const;

/**
 * Startup times are counted in bins of their first 12 significant bits: exact below 4,096 ms, above that a bin's lower
 * edge is at most 1/2048 below any time in it. Bins add up, so a quantile of merged hours is that of their views.
 */
const SIGNIFICANT_BITS = 12;

/** SQL: the lower edge of the bin a startup time falls into. */
export function startupBinSql(ms: string): string {
  const shift = `greatest(0, toInt8(ceil(log2(${ms} + 1))) - ${SIGNIFICANT_BITS})`;
  return `toUInt32(bitShiftLeft(bitShiftRight(${ms}, ${shift}), ${shift}))`;
}

/** What is read of one quantile: its value, and the bounds of its interval where the sample is large enough to hold them. */
type Read = [value: number, low: number | null, high: number | null];

/**
 * SQL: an array of [value, low, high], one per STARTUP_QUANTILES, from a map of bin to count; all null when it is empty.
 *
 * The value is the order statistic of rank ⌈np⌉. The bounds are those of ranks ⌊np − z√(np(1−p))⌉ and
 * ⌊1 + np + z√(np(1−p))⌉ (Campbell and Gardner 1988), which cover at least 95 % wherever both exist.
 */
export function startupQuantilesSql(bins: string): string {
  const total = `arraySum(mapValues(${bins}))`;
  const cumulative = `arrayCumSum(mapValues(${bins}))`;
  const at = (rank: string) =>
    `if(${rank} < 1 OR ${rank} > ${total}, NULL, mapKeys(${bins})[arrayFirstIndex(c -> c >= ${rank}, ${cumulative})])`;
  const ranks = Object.values(STARTUP_QUANTILES).map((level) => rankSql(level, total));
  return `[${ranks.map((ofLevel) => `[${ofLevel.map(at).join(', ')}]`).join(', ')}]`;
}

/** SQL of the ranks of the value and its bounds among `n` views. */
export function rankSql(level: number, n: string): [value: string, low: string, high: string] {
  const spread = `${Z95} * sqrt(${n} * ${level * (1 - level)})`;
  // A hair less, lest 0.95 × 60 be 57.00000000000001 and its ceiling 58.
  return [
    `toInt64(ceil(${n} * ${level} - 1e-9))`,
    `toInt64(round(${n} * ${level} - ${spread}))`,
    `toInt64(round(1 + ${n} * ${level} + ${spread}))`,
  ];
}

/** The quantiles as metrics, from what `startupQuantilesSql` answered. */
export function startupQuantiles(read: readonly Read[], n: number): Record<keyof typeof STARTUP_QUANTILES, Metric> {
  const names = Object.keys(STARTUP_QUANTILES) as (keyof typeof STARTUP_QUANTILES)[];
  return Object.fromEntries(names.map((name, index) => [name, orderStatistic(read[index], n)])) as Record<
    keyof typeof STARTUP_QUANTILES,
    Metric
  >;
}
