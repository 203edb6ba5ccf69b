import type { Group } from './robust-mean.ts';

/** A bucket this many standard errors from what others say of an arm is beyond any honest tail. */
const BEYOND_HONEST_STANDARD_ERRORS = 9;
/** More views than this say it no surer: busy blocks differ a little, and surely, without lying. */
const COUNTED_VIEWS = 9;
const LEAST_GROUPS_OF_ARM = 3;
/** Where more of the cell's views than this would be set aside, it is what the cell is like. */
const MOST_SET_ASIDE = 0.25;

/**
 * Buckets of address blocks of which no arm's views count, because what they say of some arm is beyond any honest tail of `means`:
 * whoever lies of one arm where it shows lies of others where it does not. Empty where that would be too many to be a few liars.
 */
export function disbelievedBuckets(
  arms: readonly (readonly Group[])[],
  means: ArrayLike<number>,
  noiseSd: number,
): ReadonlySet<number> {
  const disbelieved = new Set<number>();
  for (const [arm, groups] of arms.entries()) {
    if (groups.length < LEAST_GROUPS_OF_ARM) continue;
    for (const { bucket, views, mean } of groups) {
      const standardErrors = (Math.sqrt(Math.min(views, COUNTED_VIEWS)) * Math.abs(mean - (means[arm] ?? 0))) / noiseSd;
      if (standardErrors > BEYOND_HONEST_STANDARD_ERRORS) disbelieved.add(bucket);
    }
  }
  let [setAside, all] = [0, 0];
  for (const { bucket, views } of arms.flat()) {
    all += views;
    if (disbelieved.has(bucket)) setAside += views;
  }
  return setAside > MOST_SET_ASIDE * all ? new Set() : disbelieved;
}
