import type { ArmAllocation, PolicyConfig } from '../domain/index.ts';
import type { ContextPosterior } from './context-posterior.ts';
import { isSurelyHarmful } from './harm.ts';
import { addedSums, type PooledArm, type PooledCell, type PooledSums } from './pool-statistics.ts';
import { momentOf } from './reward.ts';

/** Views of a group that has a rate worth the name. */
const GROUP_VIEWS = 12;
/** Share of an arm's views whose groups must agree that it is worse. */
const AGREEING_SHARE = 2 / 3;
/** Buckets that are not believed of rewards are not asked whether they agree, unless they hold more of the arm's views than this. */
const MOST_NOT_ASKED = 0.15;

export type GuardVerdict = ArmAllocation['guard'];
type Guardrails = PolicyConfig['guardrails'];

/** Standard errors by which an excess must clear its limit: guards are looked at every refit, so a bound of 5 % would trip by chance. */
const SURE_STANDARD_ERRORS = 3;
/** Rates measured on few views are never taken to be exact: this many views' worth of the pooled rate. */
const RATE_PRIOR_VIEWS = 1;

/** A rate with the variance of its estimate, and the views behind it. */
type Rate = { value: number; variance: number; views: number };
type Excess = { value: number; sd: number; views: number; baselineViews: number };

/**
 * What a bucket of address blocks may say of stalling at most: with one liar in twenty, and bounds of one point in a hundred, more
 * would let liars take out any arm. An arm that stalls is seen to stall by many.
 */
const BELIEVED_STALL_RATIO = 0.2;

/** Stalled ÷ (played + stalled), unclipped but for what a bucket may say; its spread over views is measured on the clipped ratios. */
function stallRate(arm: PooledSums & Partial<Pick<PooledArm, 'buckets'>>): Rate {
  const views = momentOf(arm, 'one', 'one');
  const watchedMs = arm.stalledMs + arm.playedMs;
  if (views <= 0 || watchedMs <= 0) return { value: 0, variance: 0, views: 0 };
  const mean = momentOf(arm, 'one', 'stall') / views;
  const spread = Math.max(0, momentOf(arm, 'stall', 'stall') / views - mean ** 2);
  return { value: believedStalledMs(arm) / watchedMs, variance: spread / views, views };
}

function believedStalledMs({ buckets, stalledMs }: Parameters<typeof stallRate>[0]): number {
  if (!buckets || buckets.size <= 1) return stalledMs;
  let sum = 0;
  for (const bucket of buckets.values()) {
    sum += Math.min(bucket.stalledMs, BELIEVED_STALL_RATIO * (bucket.stalledMs + bucket.playedMs));
  }
  return sum;
}

/** Failed to start ÷ decided views that were heard of. */
function startFailureRate(arm: PooledSums): Rate {
  const views = Math.max(0, arm.decided - arm.unobserved);
  if (views <= 0) return { value: 0, variance: 0, views: 0 };
  const value = arm.failedToStart / views;
  const smoothed = (arm.failedToStart + RATE_PRIOR_VIEWS / 2) / (views + RATE_PRIOR_VIEWS);
  return { value, variance: (smoothed * (1 - smoothed)) / views, views };
}

/**
 * How much higher an arm's rate is than the baseline's, compared inside each cell and then averaged: arms are not spread evenly
 * over cells, so pooling first would blame the arm that serves the slow ones.
 */
function stratifiedExcess(cells: readonly PooledCell[], arm: number, rateOf: (arm: PooledArm) => Rate): Excess {
  let [sum, variance, weights, views, baselineViews] = [0, 0, 0, 0, 0];
  for (const cell of cells) {
    const [own, baseline] = [cell.arms[arm], cell.arms[0]];
    if (!own || !baseline) continue;
    const [left, right] = [rateOf(own), rateOf(baseline)];
    if (left.views <= 0 || right.views <= 0) continue;
    const weight = (left.views * right.views) / (left.views + right.views);
    sum += weight * (left.value - right.value);
    variance += weight ** 2 * (left.variance + right.variance);
    weights += weight;
    views += left.views;
    baselineViews += right.views;
  }
  return {
    value: weights > 0 ? sum / weights : 0,
    sd: weights > 0 ? Math.sqrt(variance) / weights : 0,
    views,
    baselineViews,
  };
}

/**
 * Share of an arm's views whose group of address blocks says the same: more than `limit` above its cell's baseline. A rate has no
 * bound that a few blocks which say that everything stalls could not reach; that most blocks say so, they cannot reach.
 */
function agreement(
  { cells, evidence }: Pick<ContextPosterior, 'cells' | 'evidence'>,
  arm: number,
  rateOf: (arm: PooledSums) => Rate,
  limit: number,
): number {
  let [agreeing, all] = [0, 0];
  for (const [cell, { arms }] of cells.entries()) {
    const [own, baseline] = [arms[arm], arms[0]];
    if (!own || !baseline) continue;
    const usual = rateOf(baseline);
    if (usual.views <= 0) continue;
    for (const { value, views } of groupSums(own, evidence[cell]?.disbelieved).map(rateOf)) {
      all += views;
      if (value - usual.value > limit) agreeing += views;
    }
  }
  return all > 0 ? agreeing / all : 0;
}

/** An arm's buckets, in order, put together until they hold enough views to have a rate; what is left over is left out. */
function groupSums(arm: PooledArm, disbelieved: ReadonlySet<number> | undefined): PooledSums[] {
  if (arm.buckets.size <= 1) return [arm];
  const asked = disbelieved ? withoutFew(arm, disbelieved) : arm.buckets;
  const groups: PooledSums[] = [];
  let open: PooledSums | null = null;
  for (const [, bucket] of [...asked].sort(([left], [right]) => left - right)) {
    open = open ? addedSums(open, bucket) : bucket;
    if (momentOf(open, 'one', 'one') + open.failedToStart < GROUP_VIEWS) continue;
    groups.push(open);
    open = null;
  }
  return groups.length > 0 ? groups : [arm];
}

/** An arm's buckets but for these; all of them where these hold too many of its views to be a few liars'. */
function withoutFew(arm: PooledArm, disbelieved: ReadonlySet<number>): PooledArm['buckets'] {
  const asked = new Map([...arm.buckets].filter(([bucket]) => !disbelieved.has(bucket)));
  const views = [...asked.values()].reduce((sum, bucket) => sum + momentOf(bucket, 'one', 'one'), 0);
  return views < (1 - MOST_NOT_ASKED) * momentOf(arm, 'one', 'one') ? arm.buckets : asked;
}

/** A verdict per arm position; the baseline (position 0) is always ok. Anything but `ok` takes the arm out of the context at once. */
export function judgeArms(posterior: ContextPosterior, guardrails: Guardrails): GuardVerdict[] {
  const { cells, evidence } = posterior;
  return Array.from(posterior.mean, (_, arm): GuardVerdict => {
    if (arm === 0) return 'ok';
    const exceeds = (rateOf: (arm: PooledSums) => Rate, limit: number): boolean => {
      const excess = stratifiedExcess(cells, arm, rateOf);
      const isSure =
        Math.min(excess.views, excess.baselineViews) >= guardrails.minViews &&
        excess.value - SURE_STANDARD_ERRORS * excess.sd > limit;
      return isSure && agreement(posterior, arm, rateOf, limit) >= AGREEING_SHARE;
    };
    if (exceeds(startFailureRate, guardrails.startFailureExcess)) return 'start-failure';
    if (exceeds(stallRate, guardrails.stallRatioExcess)) return 'stall';
    return isSurelyHarmful(evidence, arm, posterior.mean.length - 1, guardrails) ? 'harm' : 'ok';
  });
}
