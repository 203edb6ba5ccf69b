/** Sums of one asset's views on one side, already weighted by 1 ÷ the probability of that side. */
export type ClusterSums = {
  unit: string;
  owner: string;
  treated: boolean;
  views: number;
  weight: number;
  numerator: number;
  denominator: number;
};

/** One side of a comparison: numerator ÷ denominator, as if every view weighed the same where probabilities never changed. */
export type EffectSide = {
  value: number | null;
  numerator: number;
  denominator: number;
  n: number;
  assets: number;
  owners: number;
};

/** Treated − held, with a 95 % interval by whichever clusters make it wider. */
export type Effect = {
  value: number | null;
  ci95: [number, number] | null;
  /** What the interval takes for independent; null without one. */
  clusteredBy: 'asset' | 'owner' | null;
  n: number;
  treated: EffectSide;
  held: EffectSide;
};

/** Fewer clusters on a side say nothing about how much clusters differ. */
export const MIN_CLUSTERS = 5;
const Z975 = 1.959964;

/**
 * The difference of two ratios of sums (Hájek), views of an asset and assets of an owner being alike. The variance is that of the
 * linearised ratios summed within clusters; Student's quantile at the smaller side's clusters − 1, since that side decides. Assets are what was
 * drawn; owners are taken as clusters too where there are enough, and the wider interval is told.
 */
export function clusteredEffect(rows: readonly ClusterSums[]): Effect {
  const treated = sideOf(rows.filter((row) => row.treated));
  const held = sideOf(rows.filter((row) => !row.treated));
  const n = treated.n + held.n;
  if (treated.value === null || held.value === null) {
    return { value: null, ci95: null, clusteredBy: null, n, treated, held };
  }
  const value = treated.value - held.value;
  const scales = { treated: scaleOf(rows, true), held: scaleOf(rows, false) };
  const influences = rows.map((row) => {
    const side = row.treated ? treated : held;
    const residual = row.numerator - (side.value ?? 0) * row.denominator;
    const influence = (residual * (row.treated ? scales.treated : scales.held)) / side.denominator;
    return { ...row, influence: row.treated ? influence : -influence };
  });
  const halves = (['asset', 'owner'] as const).flatMap((by) => {
    const half = halfWidth(influences, by === 'asset' ? ({ unit }) => unit : ({ owner }) => owner);
    return half === null ? [] : [{ by, half }];
  });
  const widest = halves.sort((left, right) => right.half - left.half)[0];
  if (widest === undefined) return { value, ci95: null, clusteredBy: null, n, treated, held };
  return { value, ci95: [value - widest.half, value + widest.half], clusteredBy: widest.by, n, treated, held };
}

/** Weights sum to the number of views. */
function scaleOf(rows: readonly ClusterSums[], treated: boolean): number {
  const side = rows.filter((row) => row.treated === treated);
  return sumOf(side, ({ views }) => views) / sumOf(side, ({ weight }) => weight);
}

function sideOf(rows: readonly ClusterSums[]): EffectSide {
  const n = sumOf(rows, ({ views }) => views);
  const scale = n === 0 ? 0 : n / sumOf(rows, ({ weight }) => weight);
  const numerator = scale * sumOf(rows, (row) => row.numerator);
  const denominator = scale * sumOf(rows, (row) => row.denominator);
  return {
    value: denominator > 0 ? numerator / denominator : null,
    numerator,
    denominator,
    n,
    assets: new Set(rows.map(({ unit }) => unit)).size,
    owners: new Set(rows.map(({ owner }) => owner)).size,
  };
}

type Influence = ClusterSums & { influence: number };

function halfWidth(rows: readonly Influence[], clusterOf: (row: Influence) => string): number | null {
  const count = (treated: boolean): number =>
    new Set(rows.filter((row) => row.treated === treated).map(clusterOf)).size;
  const fewest = Math.min(count(true), count(false));
  if (fewest < MIN_CLUSTERS) return null;
  const clusters = new Map<string, number>();
  for (const row of rows) clusters.set(clusterOf(row), (clusters.get(clusterOf(row)) ?? 0) + row.influence);
  const squares = [...clusters.values()].reduce((sum, influence) => sum + influence ** 2, 0);
  // The smaller side has nearly all of the variance, and only so many clusters to tell it by.
  return studentQuantile(fewest - 1) * Math.sqrt((fewest / (fewest - 1)) * squares);
}

/** Student's 97.5 % quantile by Cornish and Fisher's expansion: to a hundredth from four degrees of freedom. */
export function studentQuantile(degrees: number): number {
  const z = Z975;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}

const sumOf = <T>(rows: readonly T[], of: (row: T) => number): number => rows.reduce((sum, row) => sum + of(row), 0);
