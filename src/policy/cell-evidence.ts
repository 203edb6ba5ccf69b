import type { Context, PolicyConfig } from '../domain/index.ts';
import type { LineSpread } from './arm-response.ts';
import type { PooledCell, PooledSums } from './pool-statistics.ts';
import { type RewardMoments, rewardMoments } from './reward.ts';
import { type Group, groupBuckets, HUBER_EFFICIENCY, huberMean, medianOf, noiseBetweenGroups } from './robust-mean.ts';

/** What the posterior needs of one cell; arrays by arm position. */
export type CellEvidence = {
  context: Context;
  key: string;
  /** Age-weighted views. */
  views: Float64Array;
  /**
   * Mean reward with the covariate's part removed, points; 0 where there is no view. Robust over groups of address blocks where there
   * are enough: a few blocks that lie move it by at most a fraction of its own error.
   */
  means: Float64Array;
  /** σ²: variance of one view's reward about its arm's mean, the covariate's part removed. */
  noiseVariance: number;
  /** θ: points per unit of the covariate. */
  slope: number;
  /** What its lines were known to be like before the views. */
  line: LineSpread;
  /** Groups of address blocks that each mean was taken over; 1 or 2 are not robust. */
  groups: number[];
};

/** The configured noise counts like this many views. */
const NOISE_PRIOR_VIEWS = 8;
/** The slope of all cells together counts like this many views in each of them. */
const SLOPE_PRIOR_VIEWS = 25;
/** Rewards that hardly vary are still never trusted to be exact (points²). */
const MIN_NOISE_VARIANCE = 1e-4;

/** Where no view came with a throughput: anything from a slow phone to fibre. */
const UNKNOWN_LINE: LineSpread = { mean: Math.log(4), sd: 1.2 };

/** Sums of squares about the arms' own means: arms' differences must not pass for the covariate's effect. */
type Within = { views: number; xx: number; xr: number; rr: number };

function withinArms(arms: readonly RewardMoments[]): Within {
  const within = { views: 0, xx: 0, xr: 0, rr: 0 };
  for (const { n, sumR, sumRR, sumX, sumXX, sumXR } of arms) {
    if (n <= 0) continue;
    within.views += Math.max(0, n - 1);
    within.xx += Math.max(0, sumXX - (sumX * sumX) / n);
    within.xr += sumXR - (sumX * sumR) / n;
    within.rr += Math.max(0, sumRR - (sumR * sumR) / n);
  }
  return within;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** A bucket with fewer views says nothing of the covariate's effect. */
const LEAST_SLOPE_VIEWS = 4;
const LEAST_SLOPES = 12;

/**
 * Within arms as a whole, but with the slope that most buckets agree on where there are enough: few views with an extreme covariate
 * could set it alone, and a false one makes everything noisier.
 */
function robustWithin(arms: readonly RewardMoments[], buckets: readonly (readonly RewardMoments[])[]): Within {
  const within = withinArms(arms);
  const slopes = buckets.flat().flatMap((bucket): Group[] => {
    if (bucket.n < LEAST_SLOPE_VIEWS) return [];
    const { xx, xr } = withinArms([bucket]);
    return xx > 0 ? [{ views: bucket.n, mean: xr / xx }] : [];
  });
  return slopes.length < LEAST_SLOPES ? within : { ...within, xr: medianOf(slopes) * within.xx };
}

/** Rewards of one cell: of its arms, and of each arm's buckets. */
type Scored = { cell: PooledCell; arms: RewardMoments[]; buckets: RewardMoments[][]; within: Within };

function evidenceOf(
  { cell, arms, buckets, within }: Scored,
  pooled: { slope: number; spread: number },
  noiseSd: number,
): CellEvidence {
  const slopePrior = SLOPE_PRIOR_VIEWS * pooled.spread;
  const slope = pooled.spread > 0 ? (within.xr + slopePrior * pooled.slope) / (within.xx + slopePrior) : 0;
  const residual = Math.max(0, within.rr - 2 * slope * within.xr + slope * slope * within.xx);
  const views = total(arms.map(({ n }) => n));
  const meanX = total(arms.map(({ sumX }) => sumX)) / views;
  const varianceX = total(arms.map(({ sumXX }) => sumXX)) / views - meanX ** 2;
  const adjusted = ({ n, sumR, sumX }: RewardMoments): number => (n > 0 ? sumR / n - slope * (sumX / n - meanX) : 0);
  const groups = buckets.map((ofArm) => groupBuckets(ofArm, adjusted));
  const robustNoise = noiseBetweenGroups(groups);
  const measured = robustNoise === null ? residual : (within.views * robustNoise ** 2) / HUBER_EFFICIENCY;
  const noiseVariance = (NOISE_PRIOR_VIEWS * noiseSd ** 2 + measured) / (NOISE_PRIOR_VIEWS + within.views);
  const meanOf = (arm: RewardMoments, ofArm: readonly Group[]): number =>
    (robustNoise ? huberMean(ofArm, robustNoise) : null) ?? adjusted(arm);
  return {
    context: cell.context,
    key: cell.key,
    views: Float64Array.from(arms, ({ n }) => n),
    means: Float64Array.from(arms, (arm, index) => meanOf(arm, groups[index] ?? [])),
    noiseVariance: Math.max(MIN_NOISE_VARIANCE, noiseVariance),
    slope,
    line: varianceX > 0 ? { mean: meanX, sd: Math.sqrt(varianceX) } : UNKNOWN_LINE,
    groups: groups.map(({ length }) => length),
  };
}

/** Reduces pooled statistics to what the model is fitted on: adjusted means, with noise measured per cell. */
export function cellEvidence(
  cells: readonly PooledCell[],
  config: Pick<PolicyConfig, 'reward' | 'model'>,
): CellEvidence[] {
  const scored = cells.map((cell): Scored => {
    const score = (sums: PooledSums): RewardMoments => rewardMoments(sums, config.reward);
    const arms = cell.arms.map(score);
    const buckets = cell.arms.map((arm, index) => {
      const whole = arms[index];
      return arm.buckets.size === 1 && whole ? [whole] : inOrder(arm.buckets).map(score);
    });
    return { cell, arms, buckets, within: robustWithin(arms, buckets) };
  });
  const xx = total(scored.map(({ within }) => within.xx));
  const views = total(scored.map(({ within }) => within.views));
  const pooled = {
    slope: xx > 0 ? total(scored.map(({ within }) => within.xr)) / xx : 0,
    spread: views > 0 ? xx / views : 0,
  };
  return scored.map((each) => evidenceOf(each, pooled, config.model.noiseSd));
}

const inOrder = (buckets: ReadonlyMap<number, PooledSums>): PooledSums[] =>
  [...buckets].sort(([left], [right]) => left - right).map(([, sums]) => sums);
