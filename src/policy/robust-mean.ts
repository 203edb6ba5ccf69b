import type { RewardMoments } from './reward.ts';

/** Views of one arm from some address blocks: how many, and their mean with the covariate's part removed, points. */
export type Group = { views: number; mean: number };

/**
 * Buckets are put together until they hold this many views: means of fewer are not symmetric, because rewards are not, and a robust
 * mean of what is not symmetric is not the mean.
 */
const LEAST_GROUP_VIEWS = 16;
/** Groups that the spread between groups is measured on at least; below, nothing robust can be said. */
const LEAST_GROUPS = 12;
/** Of one arm. */
const LEAST_GROUPS_OF_ARM = 3;
/** Huber's constant: a group counts for what it says up to one standard error from the others, and no further. */
const HUBER_STANDARD_ERRORS = 1;
/** What the Huber mean makes of normal views: this share of them. */
export const HUBER_EFFICIENCY = 0.9;
/** Median absolute deviation to standard deviation, of a normal. */
const MAD_TO_SD = 1.4826;
const MAX_STEPS = 30;
const SETTLED = 1e-9;

/** Buckets (in their order) as groups of enough views; what is left over joins the last. `adjust` removes the covariate's part. */
export function groupBuckets(buckets: readonly RewardMoments[], adjust: (mean: RewardMoments) => number): Group[] {
  const groups: { views: number; sum: number }[] = [];
  let open: { views: number; sum: number } | null = null;
  for (const bucket of buckets) {
    if (bucket.n <= 0) continue;
    open ??= { views: 0, sum: 0 };
    open.views += bucket.n;
    open.sum += bucket.n * adjust(bucket);
    if (open.views < LEAST_GROUP_VIEWS) continue;
    groups.push(open);
    open = null;
  }
  const last = groups.at(-1);
  if (open && last) {
    last.views += open.views;
    last.sum += open.sum;
  } else if (open) groups.push(open);
  return groups.map(({ views, sum }) => ({ views, mean: sum / views }));
}

/**
 * The standard deviation of one view, points, as the groups of all arms differ from their arm's median: neither a few lying groups
 * nor views of one block that are alike are mistaken in it. Null when there are too few groups to say.
 */
export function noiseBetweenGroups(arms: readonly (readonly Group[])[]): number | null {
  const deviations = arms.flatMap((groups) => {
    if (groups.length < LEAST_GROUPS_OF_ARM) return [];
    const center = medianOf(groups);
    const own = Math.sqrt(groups.length / (groups.length - 1));
    return groups.map(({ views, mean }) => ({ views: 1, mean: own * Math.sqrt(views) * Math.abs(mean - center) }));
  });
  return deviations.length < LEAST_GROUPS ? null : MAD_TO_SD * medianOf(deviations);
}

/** Huber's mean of an arm's groups, given the noise of one view; null when it has too few groups. */
export function huberMean(groups: readonly Group[], noiseSd: number): number | null {
  if (groups.length < LEAST_GROUPS_OF_ARM) return null;
  let center = medianOf(groups);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    let [weighted, weights] = [0, 0];
    for (const { views, mean } of groups) {
      const standardErrors = (Math.sqrt(views) * Math.abs(mean - center)) / noiseSd;
      const weight = views * (standardErrors > HUBER_STANDARD_ERRORS ? HUBER_STANDARD_ERRORS / standardErrors : 1);
      weighted += weight * mean;
      weights += weight;
    }
    const next = weighted / weights;
    const moved = Math.abs(next - center);
    center = next;
    if (moved < SETTLED) break;
  }
  return center;
}

/** The mean that half of all views lie below, group by group. */
export function medianOf(groups: readonly Group[]): number {
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
