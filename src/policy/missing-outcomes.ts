import { type Allocation, contextKey, type ViewStatistics } from '../domain/index.ts';
import { confidenceSequence } from './confidence-sequence.ts';
import { judgeScore } from './sequential-score.ts';

export type MissingOutcome = NonNullable<Allocation['checks']>['missing'][number];
type Kind = MissingOutcome['kind'];

/** Chance that any arm is ever found to lose outcomes otherwise than the baseline while none does. */
const ALPHA = 0.05;
/**
 * An arm that loses surely this much more of its outcomes than the baseline is taken out: what is left of them says little of it.
 * As much as one liar in twenty can hold back.
 */
const TOLERATED_EXCESS = 0.05;
/** Where an excess is known to this much the bound is tightest. */
const TIGHTEST_AT = 0.02;

const COUNT_OF: Record<Kind, (row: ViewStatistics) => number> = {
  failed: ({ failedToStart }) => failedToStart,
  left: ({ leftBeforeStart }) => leftBeforeStart,
  unobserved: ({ unobserved }) => unobserved,
};
const KINDS = Object.keys(COUNT_OF) as Kind[];

type Counts = { decided: number; missing: number };
/** Views that were randomised between the same arms with the same probabilities, or nearly. */
type Stratum = Map<string, Record<Kind, Counts>>;

/**
 * Whether views of each arm fail, are left before their start or are never heard of more (or less) often than the baseline's: such
 * views are not scored, so an arm that loses the bad ones would look good. Compared inside each stratum of context, allocation,
 * eligible arms and day, where chance alone divided the views, then pooled. Anytime-valid, the error shared over arms and kinds.
 */
export function missingOutcomes(
  statistics: readonly ViewStatistics[],
  arms: readonly { id: string; baseline: boolean }[],
): MissingOutcome[] {
  const baseline = arms.find((arm) => arm.baseline)?.id;
  const challengers = arms.filter((arm) => !arm.baseline);
  if (baseline === undefined) return [];
  const strata = [...stratify(statistics).values()];
  const alpha = ALPHA / (KINDS.length * Math.max(1, challengers.length));
  return challengers.flatMap(({ id }) => KINDS.map((kind) => compare(strata, kind, id, baseline, alpha)));
}

/** Arms that surely lose too many outcomes. Failed starts have a guardrail of their own, per context. */
export const armsThatLoseOutcomes = (missing: readonly MissingOutcome[]): Set<string> =>
  new Set(missing.filter(({ kind, low }) => kind !== 'failed' && low > TOLERATED_EXCESS).map(({ arm }) => arm));

function stratify(statistics: readonly ViewStatistics[]): Map<string, Stratum> {
  const strata = new Map<string, Stratum>();
  for (const row of statistics) {
    const key = `${contextKey(row.context)} ${row.allocationVersion} ${row.eligibleSet} ${row.ageDays}`;
    const stratum: Stratum = strata.get(key) ?? new Map();
    strata.set(key, stratum);
    const arm = stratum.get(row.arm) ?? { failed: none(), left: none(), unobserved: none() };
    stratum.set(row.arm, arm);
    for (const kind of KINDS) {
      arm[kind].decided += row.decided;
      arm[kind].missing += COUNT_OF[kind](row);
    }
  }
  return strata;
}

const none = (): Counts => ({ decided: 0, missing: 0 });

/** Mantel–Haenszel: the score for whether there is a difference at all, the pooled difference of shares for how large it is. */
function compare(strata: readonly Stratum[], kind: Kind, arm: string, baseline: string, alpha: number): MissingOutcome {
  let [surprise, variance, weighted, weights, spread, views] = [0, 0, 0, 0, 0, 0];
  for (const stratum of strata) {
    const [own, usual] = [stratum.get(arm)?.[kind], stratum.get(baseline)?.[kind]];
    if (!own || !usual || own.decided <= 0 || usual.decided <= 0) continue;
    const all = own.decided + usual.decided;
    const share = (own.missing + usual.missing) / all;
    const weight = (own.decided * usual.decided) / all;
    surprise += own.missing - own.decided * share;
    // Hypergeometric; of one view each there is nothing to compare.
    if (all > 1) variance += (weight * all * share * (1 - share)) / (all - 1);
    weighted += weight * (own.missing / own.decided - usual.missing / usual.decided);
    spread += weight ** 2 * (shareVariance(own) + shareVariance(usual));
    weights += weight;
    views += own.decided;
  }
  const { differs } = judgeScore({ surprise, variance }, alpha);
  const excess = weights > 0 ? weighted / weights : 0;
  const standardError = weights > 0 ? Math.sqrt(spread) / weights : Number.POSITIVE_INFINITY;
  const bounds = confidenceSequence({ difference: excess, standardError }, { alpha, tightestAt: TIGHTEST_AT });
  const inside = (value: number): number => Math.round(Math.min(1, Math.max(-1, value)) * 1e4) / 1e4;
  const low = inside(bounds.low);
  return { arm, kind, views: Math.round(views), excess: inside(excess), low, high: inside(bounds.high), differs };
}

/** Of a share; one that was never or always seen is not certain. */
function shareVariance({ decided, missing }: Counts): number {
  const share = (missing + 0.5) / (decided + 1);
  return (share * (1 - share)) / decided;
}
