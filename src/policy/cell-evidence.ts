import type { Context, PolicyConfig } from '../domain/index.ts';
import type { LineSpread } from './arm-response.ts';
import { NOTHING, plus, residualOf, robustWithin, type Slopes, slopesOf, type Within } from './covariate-slopes.ts';
import { disbelievedBuckets } from './disbelieved-buckets.ts';
import type { PooledCell, PooledSums } from './pool-statistics.ts';
import { addedMoments, NO_MOMENTS, type RewardMoments, rewardMoments } from './reward.ts';
import { groupBuckets, medianOf, noiseBetweenGroups, ROBUST_EFFICIENCY, robustMean } from './robust-mean.ts';

/** What the posterior needs of one cell; arrays by arm position. */
export type CellEvidence = {
  context: Context;
  key: string;
  /** Age-weighted views that count. */
  views: Float64Array;
  /**
   * Mean reward with the covariates' part removed, points; 0 where there is no view. Robust over groups of address blocks where there
   * are enough: a few blocks that lie move it by at most a fraction of its own error.
   */
  means: Float64Array;
  /** σ²: variance of one view's reward about its arm's mean, the covariates' part removed. */
  noiseVariance: number;
  /** θ: points per unit of throughput and of prospect. */
  slopes: Slopes;
  /** What its lines were known to be like before the views. */
  line: LineSpread;
  /** Groups of address blocks that each mean was taken over; 1 or 2 are not robust. */
  groups: number[];
  /** Buckets of address blocks whose views count for nothing here. */
  disbelieved: ReadonlySet<number>;
};

/** The configured noise counts like this many views. */
const NOISE_PRIOR_VIEWS = 8;
/** The slopes of all cells together count like this many views in each of them. */
const SLOPE_PRIOR_VIEWS = 25;
/** Rewards that hardly vary are still never trusted to be exact (points²). */
const MIN_NOISE_VARIANCE = 1e-4;

/** Where no view came with a throughput: anything from a slow phone to fibre. */
const UNKNOWN_LINE: LineSpread = { mean: Math.log(4), sd: 1.2 };

const NONE: ReadonlySet<number> = new Set();

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Rewards of one cell: of its arms, and of each arm's buckets. */
type Scored = {
  cell: PooledCell;
  arms: RewardMoments[];
  buckets: ReadonlyMap<number, RewardMoments>[];
  within: Within;
};

function evidenceOf({ cell, arms, buckets, within }: Scored, pooled: Within, noiseSd: number): CellEvidence {
  const slopes = slopesOf(pooled.views > 0 ? plus(within, pooled, SLOPE_PRIOR_VIEWS / pooled.views) : within);
  const residual = residualOf(within, slopes);
  const views = total(arms.map(({ n }) => n));
  const meanX = total(arms.map(({ sumX }) => sumX)) / views;
  const meanP = total(arms.map(({ sumP }) => sumP)) / views;
  const varianceX = total(arms.map(({ sumXX }) => sumXX)) / views - meanX ** 2;
  const adjusted = ({ n, sumR, sumX, sumP }: RewardMoments): number =>
    n > 0 ? sumR / n - slopes.x * (sumX / n - meanX) - slopes.p * (sumP / n - meanP) : 0;
  const groups = buckets.map((ofArm) => groupBuckets(ofArm, adjusted));
  const robustNoise = noiseBetweenGroups(groups);
  const measured = robustNoise === null ? residual : (within.views * robustNoise ** 2) / ROBUST_EFFICIENCY;
  const noiseVariance = (NOISE_PRIOR_VIEWS * noiseSd ** 2 + measured) / (NOISE_PRIOR_VIEWS + within.views);
  const usual = medianOf(groups.flat());
  const means = arms.map((arm, index) => {
    const ofArm = groups[index] ?? [];
    return robustNoise && ofArm.length > 0 ? robustMean(ofArm, robustNoise, usual) : adjusted(arm);
  });
  return {
    context: cell.context,
    key: cell.key,
    views: Float64Array.from(arms, ({ n }) => n),
    means: Float64Array.from(means),
    noiseVariance: Math.max(MIN_NOISE_VARIANCE, noiseVariance),
    slopes,
    line: varianceX > 0 ? { mean: meanX, sd: Math.sqrt(varianceX) } : UNKNOWN_LINE,
    groups: groups.map(({ length }) => length),
    disbelieved: robustNoise ? disbelievedBuckets(groups, means, robustNoise) : NONE,
  };
}

/** The same without these buckets, as if their views had never been. */
function withoutBuckets(scored: Scored, disbelieved: ReadonlySet<number>): Scored {
  const buckets = scored.buckets.map((ofArm) => new Map([...ofArm].filter(([bucket]) => !disbelieved.has(bucket))));
  const arms = buckets.map((ofArm) => [...ofArm.values()].reduce(addedMoments, NO_MOMENTS));
  return { ...scored, arms, buckets, within: withinOf(arms, buckets) };
}

const withinOf = (arms: RewardMoments[], buckets: Scored['buckets']): Within =>
  robustWithin(
    arms,
    buckets.map((ofArm) => [...ofArm.values()]),
  );

function evidenceOfAll(scored: readonly Scored[], noiseSd: number): CellEvidence[] {
  const pooled = scored.reduce((sum, { within }) => plus(sum, within), NOTHING);
  return scored.map((each) => evidenceOf(each, pooled, noiseSd));
}

/**
 * Reduces pooled statistics to what the model is fitted on: adjusted means, with noise measured per cell. Twice where some buckets turn
 * out to be beyond belief: the second time without them.
 */
export function cellEvidence(
  cells: readonly PooledCell[],
  config: Pick<PolicyConfig, 'reward' | 'model'>,
): CellEvidence[] {
  const scored = cells.map((cell): Scored => {
    const score = (sums: PooledSums): RewardMoments => rewardMoments(sums, config.reward);
    const arms = cell.arms.map(score);
    const buckets = cell.arms.map((arm, index) => {
      const whole = arms[index];
      return new Map(
        inOrder(arm.buckets).map(([bucket, sums]) => [bucket, arm.buckets.size === 1 && whole ? whole : score(sums)]),
      );
    });
    return { cell, arms, buckets, within: withinOf(arms, buckets) };
  });
  const first = evidenceOfAll(scored, config.model.noiseSd);
  if (first.every(({ disbelieved }) => disbelieved.size === 0)) return first;
  const believed = scored.map((each, index) => {
    const { disbelieved } = first[index] as CellEvidence;
    return disbelieved.size > 0 ? withoutBuckets(each, disbelieved) : each;
  });
  return evidenceOfAll(believed, config.model.noiseSd).map((evidence, index) => {
    const { disbelieved } = first[index] as CellEvidence;
    return { ...evidence, disbelieved };
  });
}

const inOrder = (buckets: ReadonlyMap<number, PooledSums>): [number, PooledSums][] =>
  [...buckets].sort(([left], [right]) => left - right);
