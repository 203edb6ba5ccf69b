import type { ContextAllocation } from '../domain/index.ts';
import type { ContextPosterior } from './context-posterior.ts';
import { at } from './matrix.ts';

export type Ledger = NonNullable<ContextAllocation['ledger']>;

/** Standard errors at which something is sure. */
const SURE_STANDARD_ERRORS = 2;
/**
 * Where stalls take what quality earns, the baseline's reward is about nothing, and a share of nothing would forbid to look for
 * better where it is needed most: a baseline counts for at least this much.
 */
const LEAST_BASELINE_POINTS = 25;
/** What may be decided before the next refit hears of it: views that have not ended, and as many again as one in twenty. */
const NEXT_VIEWS = 50;
const NEXT_SHARE = 1 / 20;

/** Gains over the baseline of some numbers of views: linear, with a joint normal's variance. */
type Gains = { mean: number; variance: number };

/**
 * Challengers are given only as many of the next views as keep Σ surely gained over the baseline, what they were given before
 * included, above −`lossShare` × the baseline's reward per view (CLUCB, arXiv 1611.06426, by batches and with one joint lower
 * bound instead of a sum of them). Once that is overdrawn, they are given only what surely pays. Earlier views count as long as
 * the model remembers them: old gains pay for no new losses. `weights` are what is left of the baseline's share, by arm position;
 * `share` is the baseline's share that is wanted. A context without views of its own has nothing but the next ones.
 */
export function conservativeLedger(
  posterior: ContextPosterior,
  weights: Float64Array,
  share: number,
  lossShare: number,
): { share: number; ledger: Ledger } {
  const played = posterior.level === 'cell' ? posterior.effectiveViews : new Float64Array(weights.length);
  const views = played.reduce((sum, count) => sum + count, 0);
  const next = NEXT_VIEWS + views * NEXT_SHARE;
  const allowance = lossShare * Math.max(Math.abs(posterior.mean[0] ?? 0), LEAST_BASELINE_POINTS);
  const contrasts = contrastsOf(posterior);
  const past = { mean: contrasts.dot(played), variance: contrasts.covariance(played, played) };
  const ahead = { mean: contrasts.dot(weights), variance: contrasts.covariance(weights, weights) };
  const shared = contrasts.covariance(played, weights);
  /** What is surely left when this part of the next views goes to challengers. */
  const left = (part: number): number => {
    const given = part * next;
    const sum = {
      mean: past.mean + given * ahead.mean,
      variance: past.variance + 2 * given * shared + given ** 2 * ahead.variance,
    };
    return surely(sum) + allowance * (views + next);
  };
  const given = largestPart(1 - share, left, surely(ahead) >= 0);
  const ledger = { views, gain: past.mean, gainLow: surely(past), allowance, wantedBaselineShare: share };
  return { share: given === 1 - share ? share : 1 - given, ledger };
}

const surely = ({ mean, variance }: Gains): number => mean - SURE_STANDARD_ERRORS * Math.sqrt(Math.max(0, variance));

/** `left` is concave: between nothing given and too much given it crosses zero once. */
function largestPart(wanted: number, left: (part: number) => number, surelyPays: boolean): number {
  if (left(wanted) >= 0) return wanted;
  if (left(0) < 0) return surelyPays ? wanted : 0;
  let [enough, tooMuch] = [0, wanted];
  for (let step = 0; step < 40; step += 1) {
    const middle = (enough + tooMuch) / 2;
    if (left(middle) >= 0) enough = middle;
    else tooMuch = middle;
  }
  return enough;
}

/** Arms' gains over the baseline (position 0). */
function contrastsOf({ mean, covariance }: ContextPosterior) {
  const arms = mean.length;
  const open = (arm: number, other: number): number =>
    at(covariance, arm, other) - at(covariance, arm, 0) - at(covariance, 0, other) + at(covariance, 0, 0);
  return {
    dot(views: Float64Array): number {
      return views.reduce((sum, count, arm) => sum + count * ((mean[arm] ?? 0) - (mean[0] ?? 0)), 0);
    },
    covariance(left: Float64Array, right: Float64Array): number {
      let sum = 0;
      for (let arm = 1; arm < arms; arm += 1) {
        for (let other = 1; other < arms; other += 1) {
          sum += (left[arm] ?? 0) * (right[other] ?? 0) * open(arm, other);
        }
      }
      return sum;
    },
  };
}
