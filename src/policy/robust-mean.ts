import type { RewardMoments } from './reward.ts';

/** Views of one arm: how many, and their mean, points. */
export type Mean = { views: number; mean: number };

/** Views of one arm from one bucket of address blocks; the covariate's part of their mean is removed. */
export type Group = Mean & { bucket: number };

/** An arm whose groups are too few to agree is believed up to this many standard errors from what is usual in its cell. */
const BELIEVED_STANDARD_ERRORS = 1;
/** Groups that the spread between groups is measured on at least; below, nothing robust can be said. */
const LEAST_GROUPS = 12;
/** Of one arm. */
const LEAST_GROUPS_OF_ARM = 3;
/** Tukey's biweight: a group counts for less the further it is from the others, and not at all beyond so many standard errors. */
const REJECTED_STANDARD_ERRORS = 4.685;
/** What the biweight makes of normal views: this share of them. */
export const ROBUST_EFFICIENCY = 0.95;
/** The search for what most groups agree on starts as if so many more of them had said what is usual: the first few may all lie. */
const USUAL_GROUPS = 2;
/** Median absolute deviation to standard deviation, of a normal. */
const MAD_TO_SD = 1.4826;
const MAX_STEPS = 30;
const SETTLED = 1e-9;

/** An arm's buckets as groups; `adjust` removes the covariate's part of a bucket's mean. */
export const groupBuckets = (
  buckets: ReadonlyMap<number, RewardMoments>,
  adjust: (bucket: RewardMoments) => number,
): Group[] =>
  [...buckets].flatMap(([bucket, moments]) =>
    moments.n > 0 ? [{ bucket, views: moments.n, mean: adjust(moments) }] : [],
  );

/**
 * The standard deviation of one view, points, as the groups of all arms differ from their arm's median: neither a few lying groups
 * nor views of one block that are alike are mistaken in it. Null when there are too few groups to say.
 */
export function noiseBetweenGroups(arms: readonly (readonly Mean[])[]): number | null {
  const deviations = arms.flatMap((groups) => {
    if (groups.length < LEAST_GROUPS_OF_ARM) return [];
    const center = medianOf(groups);
    const own = Math.sqrt(groups.length / (groups.length - 1));
    return groups.map(({ views, mean }) => ({ views: 1, mean: own * Math.sqrt(views) * Math.abs(mean - center) }));
  });
  return deviations.length < LEAST_GROUPS ? null : MAD_TO_SD * medianOf(deviations);
}

/**
 * The mean that most of an arm's groups agree on (Tukey's biweight), given the noise of one view. Where they are too few to agree,
 * their mean, but not far from what is `usual`.
 */
export function robustMean(groups: readonly Mean[], noiseSd: number, usual: number): number {
  if (groups.length < LEAST_GROUPS_OF_ARM) return boundedMean(groups, noiseSd, usual);
  const each = viewsOf(groups) / groups.length;
  let center = medianOf([...groups, { views: USUAL_GROUPS * each, mean: usual }]);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    let [weighted, weights] = [0, 0];
    for (const { views, mean } of groups) {
      const standardErrors = (Math.sqrt(views) * Math.abs(mean - center)) / noiseSd;
      const nearness = 1 - (standardErrors / REJECTED_STANDARD_ERRORS) ** 2;
      const weight = nearness > 0 ? views * nearness ** 2 : 0;
      weighted += weight * mean;
      weights += weight;
    }
    if (weights === 0) break;
    const next = weighted / weights;
    const moved = Math.abs(next - center);
    center = next;
    if (moved < SETTLED) break;
  }
  return center;
}

const viewsOf = (groups: readonly Mean[]): number => groups.reduce((sum, { views }) => sum + views, 0);

function boundedMean(groups: readonly Mean[], noiseSd: number, usual: number): number {
  const views = viewsOf(groups);
  const mean = groups.reduce((sum, group) => sum + group.views * group.mean, 0) / views;
  const most = (BELIEVED_STANDARD_ERRORS * noiseSd) / Math.sqrt(views);
  return Math.min(usual + most, Math.max(usual - most, mean));
}

/** The mean that half of all views lie below, group by group. */
export function medianOf(groups: readonly Mean[]): number {
  const sorted = groups.toSorted((left, right) => left.mean - right.mean);
  const half = sorted.reduce((sum, { views }) => sum + views, 0) / 2;
  let below = 0;
  for (const [index, { views, mean }] of sorted.entries()) {
    below += views;
    if (below === half) return (mean + (sorted[index + 1]?.mean ?? mean)) / 2;
    if (below > half) return mean;
  }
  return 0;
}
