import type { ArmAllocation, PolicyConfig } from '../domain/index.ts';
import type { ContextPosterior } from './context-posterior.ts';
import { isSurelyHarmful } from './harm.ts';
import type { PooledArm, PooledCell } from './pool-statistics.ts';
import { momentOf } from './reward.ts';

export type GuardVerdict = ArmAllocation['guard'];
type Guardrails = PolicyConfig['guardrails'];

/** Standard errors by which an excess must clear its limit: guards are looked at every refit, so a bound of 5 % would trip by chance. */
const SURE_STANDARD_ERRORS = 3;
/** Rates measured on few views are never taken to be exact: this many views' worth of the pooled rate. */
const RATE_PRIOR_VIEWS = 1;

/** A rate with the variance of its estimate, and the views behind it. */
type Rate = { value: number; variance: number; views: number };
type Excess = { value: number; sd: number; views: number; baselineViews: number };

/** Stalled ÷ (played + stalled), unclipped; its spread over views is measured on the clipped ratios. */
function stallRate(arm: PooledArm): Rate {
  const views = momentOf(arm, 'one', 'one');
  const watchedMs = arm.stalledMs + arm.playedMs;
  if (views <= 0 || watchedMs <= 0) return { value: 0, variance: 0, views: 0 };
  const mean = momentOf(arm, 'one', 'stall') / views;
  const spread = Math.max(0, momentOf(arm, 'stall', 'stall') / views - mean ** 2);
  return { value: arm.stalledMs / watchedMs, variance: spread / views, views };
}

/** Failed to start ÷ decided views that were heard of. */
function startFailureRate(arm: PooledArm): Rate {
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

const surelyExceeds = (excess: Excess, limit: number, minViews: number): boolean =>
  excess.views >= minViews &&
  excess.baselineViews >= minViews &&
  excess.value - SURE_STANDARD_ERRORS * excess.sd > limit;

/** A verdict per arm position; the baseline (position 0) is always ok. Anything but `ok` takes the arm out of the context at once. */
export function judgeArms(posterior: ContextPosterior, guardrails: Guardrails): GuardVerdict[] {
  return Array.from(posterior.mean, (_, arm): GuardVerdict => {
    if (arm === 0) return 'ok';
    const { cells, evidence } = posterior;
    if (
      surelyExceeds(stratifiedExcess(cells, arm, startFailureRate), guardrails.startFailureExcess, guardrails.minViews)
    ) {
      return 'start-failure';
    }
    if (surelyExceeds(stratifiedExcess(cells, arm, stallRate), guardrails.stallRatioExcess, guardrails.minViews)) {
      return 'stall';
    }
    return isSurelyHarmful(evidence, arm, posterior.mean.length - 1, guardrails) ? 'harm' : 'ok';
  });
}
