import type { RewardMoments } from './reward.ts';
import { type Mean, medianOf } from './robust-mean.ts';

/** A bucket with fewer views says nothing of a covariate's effect. */
const LEAST_SLOPE_VIEWS = 4;
const LEAST_SLOPES = 12;
/** Share of the prospect's variance that throughput leaves, below which the two are one covariate. */
const SAME_COVARIATE = 1e-6;

/** Sums of squares and products about the arms' own means: arms' differences must not pass for the covariates' effect. */
export type Within = { views: number; xx: number; xp: number; pp: number; xr: number; pr: number; rr: number };

/** Points per unit of throughput and of prospect. */
export type Slopes = { x: number; p: number };

/** Of no view. */
export const NOTHING: Within = { views: 0, xx: 0, xp: 0, pp: 0, xr: 0, pr: 0, rr: 0 };

/** Two of them together, the second counting `weight` times. */
export const plus = (left: Within, right: Within, weight = 1): Within => ({
  views: left.views + weight * right.views,
  xx: left.xx + weight * right.xx,
  xp: left.xp + weight * right.xp,
  pp: left.pp + weight * right.pp,
  xr: left.xr + weight * right.xr,
  pr: left.pr + weight * right.pr,
  rr: left.rr + weight * right.rr,
});

function withinArm({ n, sumR, sumRR, sumX, sumXX, sumXR, sumP, sumPP, sumXP, sumPR }: RewardMoments): Within {
  if (n <= 0) return NOTHING;
  return {
    views: Math.max(0, n - 1),
    xx: Math.max(0, sumXX - (sumX * sumX) / n),
    xp: sumXP - (sumX * sumP) / n,
    pp: Math.max(0, sumPP - (sumP * sumP) / n),
    xr: sumXR - (sumX * sumR) / n,
    pr: sumPR - (sumP * sumR) / n,
    rr: Math.max(0, sumRR - (sumR * sumR) / n),
  };
}

/** Least squares; a prospect that does not vary, or only as throughput does, says nothing. */
export function slopesOf({ xx, xp, pp, xr, pr }: Within): Slopes {
  const alongX = xx > 0 ? xp / xx : 0;
  const own = pp - alongX * xp;
  const p = own > SAME_COVARIATE * pp ? (pr - alongX * xr) / own : 0;
  return { x: xx > 0 ? (xr - p * xp) / xx : 0, p };
}

/** Sum of squares that slopes leave. */
export const residualOf = ({ xx, xp, pp, xr, pr, rr }: Within, { x, p }: Slopes): number =>
  Math.max(0, rr - 2 * (x * xr + p * pr) + x * x * xx + 2 * x * p * xp + p * p * pp);

/**
 * Within arms as a whole, but with the slopes that most buckets agree on where there are enough: few views with an extreme covariate
 * could set them alone, and a false one makes everything noisier.
 */
export function robustWithin(arms: readonly RewardMoments[], buckets: readonly (readonly RewardMoments[])[]): Within {
  const within = arms.map(withinArm).reduce((sum, one) => plus(sum, one), NOTHING);
  const parts = buckets.flat().flatMap((bucket) => (bucket.n < LEAST_SLOPE_VIEWS ? [] : [withinArm(bucket)]));
  /** The middle one of the parts' slopes; least squares where too few have one. */
  const agreed = (slopeOf: (part: Within) => number | null, whole: number): number => {
    const slopes = parts.flatMap((part): Mean[] => {
      const mean = slopeOf(part);
      return mean === null ? [] : [{ views: part.views + 1, mean }];
    });
    return slopes.length < LEAST_SLOPES ? whole : medianOf(slopes);
  };
  const all = slopesOf(within);
  const alongX = within.xx > 0 ? within.xp / within.xx : 0;
  const p = agreed(({ xx, xp, pp, xr, pr }) => {
    const own = pp - 2 * alongX * xp + alongX * alongX * xx;
    return own > SAME_COVARIATE * pp ? (pr - alongX * xr) / own : null;
  }, all.p);
  const x = agreed(
    ({ xx, xp, xr }) => (xx > 0 ? (xr - p * xp) / xx : null),
    all.x + ((all.p - p) * within.xp) / (within.xx || 1),
  );
  return { ...within, xr: x * within.xx + p * within.xp, pr: x * within.xp + p * within.pp };
}
