import { type Context, contextKey, type PromotionEvidence } from '../../domain/index.ts';
import { findEntry, type IndexedAllocation, type IndexedEntry } from '../index-allocation.ts';
import { estimateOffPolicy, type LoggedView } from '../off-policy.ts';
import { withInterval } from './compare-sides.ts';

/** A scored view that another config decided at random, and everything it could have been given. */
export type LoggedDecision = {
  context: Context;
  arm: string;
  setHash: string;
  propensity: number;
  /** Points. */
  reward: number;
  eligible: readonly { arm: string; propensity: number; setHash: string }[];
};

/** DRos: a weight of 20 counts for half of itself, smaller ones hardly for less. */
const LAMBDA = 400;
/** Points: as for two sides of a trial. */
const TIGHTEST_AT = 0.35;

/**
 * What a candidate would have earned on logged views, had it decided them by this allocation, which must be older than all of them:
 * one fitted on them would be judged by its own luck. `logged` are the arms of the config that decided; where the candidate has
 * others, or one that was given no chance, only the model speaks for them. Null without views.
 */
export function scoreShadow(
  views: readonly LoggedDecision[],
  candidate: IndexedAllocation,
  logged: ReadonlySet<string>,
  alpha: number,
): NonNullable<PromotionEvidence['shadow']> | null {
  const levels = levelsOf(views, candidate);
  const offers = offersOf(candidate, logged);
  const seen = views.map((view) => seenBy(view, offers, levels.get(contextKey(view.context)) ?? 0));
  const estimates = estimateOffPolicy(seen, LAMBDA);
  if (estimates === null) return null;
  const { gain } = estimates;
  return {
    views: estimates.views,
    effectiveViews: estimates.effectiveViews,
    unsupportedShare: Math.min(1, seen.reduce((sum, { unsupported }) => sum + unsupported, 0) / views.length),
    logged: estimates.logged.value,
    snips: estimates.snips.value,
    dr: estimates.dr.value,
    dros: estimates.dros.value,
    gain: withInterval(gain.value, gain.standardError, { alpha, tightestAt: TIGHTEST_AT }),
  };
}

const meanOf = ({ entry }: IndexedEntry, arm: string): number | null =>
  entry.arms.find((each) => each.arm === arm)?.mean ?? null;

/** How far the model's means lie from what was earned, by context: the model is asked about differences between arms only. */
function levelsOf(views: readonly LoggedDecision[], candidate: IndexedAllocation): Map<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { context, arm, reward } of views) {
    const predicted = meanOf(findEntry(candidate, context), arm);
    if (predicted === null) continue;
    const { sum, count } = sums.get(contextKey(context)) ?? { sum: 0, count: 0 };
    sums.set(contextKey(context), { sum: sum + reward - predicted, count: count + 1 });
  }
  return new Map([...sums].map(([key, { sum, count }]) => [key, sum / count]));
}

/** Every arm the candidate could give a view with its share, were the view its own; a set is what is known to be one treatment. */
type Offer = { arm: string; share: number; mean: number; setHash: string | undefined };
type Offers = { entryOf(context: Context): IndexedEntry; of(entry: IndexedEntry, view: LoggedDecision): Offer[] };

function offersOf(candidate: IndexedAllocation, logged: ReadonlySet<string>): Offers {
  const { arms } = candidate.config;
  const inPlay = new Set(arms.filter(({ baseline, state }) => baseline || state === 'active').map(({ id }) => id));
  const baseline = arms.find((arm) => arm.baseline)?.id;
  return {
    entryOf: (context) => findEntry(candidate, context),
    of({ entry }, view) {
      const sets = new Map(view.eligible.map(({ arm, setHash }) => [arm, setHash]));
      // An arm the deciding config did not know may well be eligible; one it knew and did not list is not.
      const offered = entry.arms.filter(({ arm }) => inPlay.has(arm) && (sets.has(arm) || !logged.has(arm)));
      const total = offered.reduce((sum, { weight }) => sum + weight, 0);
      return offered.map(({ arm, weight, mean }) => {
        const share = total > 0 ? weight / total : Number(arm === baseline);
        return { arm, share, mean, setHash: sets.get(arm) };
      });
    },
  };
}

function seenBy(view: LoggedDecision, offers: Offers, level: number): LoggedView & { unsupported: number } {
  const entry = offers.entryOf(view.context);
  const possible = new Set(view.eligible.filter(({ propensity }) => propensity > 0).map(({ setHash }) => setHash));
  let [target, unsupported, targetPredicted] = [0, 0, 0];
  for (const { share, mean, setHash } of offers.of(entry, view)) {
    targetPredicted += share * (mean + level);
    if (setHash === view.setHash) target += share;
    if (setHash === undefined || !possible.has(setHash)) unsupported += share;
  }
  const { reward, propensity } = view;
  const predicted = (meanOf(entry, view.arm) ?? 0) + level;
  return { reward, propensity, target, predicted, targetPredicted, unsupported };
}
