import { type Compared, type Context, contextKey, type PromotionEvidence } from '../../domain/index.ts';
import { confidenceSequence } from '../confidence-sequence.ts';

/** Sums over the views of one side of a trial in one context at one share, as telemetry gives them. */
export type TrialGroup = {
  context: Context;
  candidate: boolean;
  candidateShare: number;
  /** Σ1, Σr, Σr², Σx, Σx², Σxr over scored views: r reward in points, x what was known of the line before. */
  moments: [n: number, r: number, rr: number, x: number, xx: number, xr: number];
  /** Σs, Σt, Σs², Σst, Σt² over scored views: s stalled, t stalled and played, in seconds. */
  stall: [s: number, t: number, ss: number, st: number, tt: number];
  /** Views decided, those of them heard of, and those of these that failed to start. */
  decided: number;
  heard: number;
  failedToStart: number;
};

/** Standard errors at which the intervals are tightest: a third of what a trial is to tell apart. */
const TIGHTEST = { points: 0.35, stallRatio: 0.003, rate: 0.006 };
/** Slopes of the covariate measured on fewer views than this would add more noise than they take away. */
const MIN_SLOPE_VIEWS = 50;
/** Of `alpha`, for each of the three guardrails: all ways to be wrongly rolled back together keep to it. */
const GUARDRAIL_ALPHA = 1 / 3;

type Sides = { candidate: TrialGroup; control: TrialGroup };
/** A difference inside one stratum, with the variance of it and the views that make its weight. */
type Difference = { value: number; variance: number; candidateViews: number; controlViews: number };

/**
 * Candidate minus control. Inside a stratum (context, share) chance alone decided the side, so differences are taken there and then
 * averaged by what each stratum can tell; days and contexts that got more of one side cannot pass for its effect.
 */
export function compareSides(
  groups: readonly TrialGroup[],
  alpha: number,
): NonNullable<PromotionEvidence['trial']> | null {
  const strata = pairUp(groups);
  if (strata.length === 0) return null;
  const slopes = slopesOf(groups);
  const scored = (side: keyof Sides): number => strata.reduce((sum, pair) => sum + pair[side].moments[0], 0);
  const guardrailAlpha = alpha * GUARDRAIL_ALPHA;
  return {
    views: scored('candidate'),
    controlViews: scored('control'),
    reward: averaged(
      strata.map((pair) => rewardDifference(pair, slopes.get(contextKey(pair.control.context)) ?? 0)),
      { alpha, tightestAt: TIGHTEST.points },
    ),
    stallRatio: averaged(strata.map(stallDifference), { alpha: guardrailAlpha, tightestAt: TIGHTEST.stallRatio }),
    startFailure: averaged(strata.map(startFailureDifference), { alpha: guardrailAlpha, tightestAt: TIGHTEST.rate }),
    unheard: averaged(strata.map(unheardDifference), { alpha: guardrailAlpha, tightestAt: TIGHTEST.rate }),
  };
}

function pairUp(groups: readonly TrialGroup[]): Sides[] {
  const strata = new Map<string, Partial<Sides>>();
  for (const group of groups) {
    const key = `${contextKey(group.context)}|${group.candidateShare}`;
    strata.set(key, { ...strata.get(key), [group.candidate ? 'candidate' : 'control']: group });
  }
  return [...strata.values()].filter((pair): pair is Sides => Boolean(pair.candidate && pair.control));
}

/** Points per unit of the covariate, by context: from how views of one group differ, never from how groups do. */
function slopesOf(groups: readonly TrialGroup[]): Map<string, number> {
  const within = new Map<string, { n: number; xx: number; xr: number }>();
  for (const { context, moments } of groups) {
    const [n, r, , x, xx, xr] = moments;
    if (n <= 0) continue;
    const sums = within.get(contextKey(context)) ?? { n: 0, xx: 0, xr: 0 };
    within.set(contextKey(context), {
      n: sums.n + n,
      xx: sums.xx + xx - x ** 2 / n,
      xr: sums.xr + xr - (x * r) / n,
    });
  }
  return new Map(
    [...within].map(([key, { n, xx, xr }]) => [key, n >= MIN_SLOPE_VIEWS && xx > Number.EPSILON * n ? xr / xx : 0]),
  );
}

function rewardDifference({ candidate, control }: Sides, slope: number): Difference | null {
  const adjusted = ({ moments: [n, r, rr, x, xx, xr] }: Pick<TrialGroup, 'moments'>) => ({
    n,
    mean: (r - slope * x) / n,
    /** Σ of squares about the mean, the covariate's part removed. */
    squares: Math.max(0, rr - 2 * slope * xr + slope ** 2 * xx - (r - slope * x) ** 2 / n),
  });
  const [own, other] = [adjusted(candidate), adjusted(control)];
  if (own.n < 2 || other.n < 2) return null;
  const pooled = (own.squares + other.squares) / (own.n + other.n - 2);
  const variance = (side: typeof own): number => cautious(side.squares / (side.n - 1), pooled) / side.n;
  return {
    value: own.mean - other.mean,
    variance: variance(own) + variance(other),
    candidateViews: own.n,
    controlViews: other.n,
  };
}

/** Ratios of sums; a view's part in one is linearised. */
function stallDifference({ candidate, control }: Sides): Difference | null {
  const [own, other] = [candidate, control].map(({ moments, stall: [s, t, ss, st, tt] }) => ({
    n: moments[0],
    ratio: t > 0 ? s / t : 0,
    t,
    squaresAbout: (ratio: number): number => Math.max(0, ss - 2 * ratio * st + ratio ** 2 * tt),
    s,
  })) as [SideStall, SideStall];
  if (own.n < 2 || other.n < 2 || own.t <= 0 || other.t <= 0) return null;
  const ratio = (own.s + other.s) / (own.t + other.t);
  const pooled =
    (own.squaresAbout(ratio) + other.squaresAbout(ratio)) /
    (own.n + other.n - 1) /
    ((own.t + other.t) / (own.n + other.n)) ** 2;
  const variance = (side: SideStall): number =>
    cautious(side.squaresAbout(side.ratio) / (side.n - 1) / (side.t / side.n) ** 2, pooled) / side.n;
  return {
    value: own.ratio - other.ratio,
    variance: variance(own) + variance(other),
    candidateViews: own.n,
    controlViews: other.n,
  };
}

type SideStall = { n: number; s: number; t: number; ratio: number; squaresAbout(ratio: number): number };

const startFailureDifference = ({ candidate, control }: Sides): Difference | null =>
  rateDifference([candidate.failedToStart, candidate.heard], [control.failedToStart, control.heard]);

/** Views still to be heard of are as many on both sides of a stratum: they were decided at the same times. */
const unheardDifference = ({ candidate, control }: Sides): Difference | null =>
  rateDifference(
    [candidate.decided - candidate.heard, candidate.decided],
    [control.decided - control.heard, control.decided],
  );

type Rate = [count: number, of: number];

function rateDifference([ownCount, own]: Rate, [otherCount, other]: Rate): Difference | null {
  if (own < 2 || other < 2) return null;
  const pooled = (ownCount + otherCount) / (own + other);
  const variance = (rate: number, views: number): number => cautious(rate * (1 - rate), pooled * (1 - pooled)) / views;
  return {
    value: ownCount / own - otherCount / other,
    variance: variance(ownCount / own, own) + variance(otherCount / other, other),
    candidateViews: own,
    controlViews: other,
  };
}

/** A side with few views often looks steadier than it is. */
const cautious = (own: number, pooled: number): number => Math.max(own, pooled);

function averaged(
  differences: readonly (Difference | null)[],
  bounds: { alpha: number; tightestAt: number },
): Compared {
  let [sum, variance, weights] = [0, 0, 0];
  for (const difference of differences) {
    if (difference === null) continue;
    const { candidateViews, controlViews } = difference;
    // By counts, not by measured variances: a stratum must not weigh more because it happened to look steady.
    const weight = (candidateViews * controlViews) / (candidateViews + controlViews);
    sum += weight * difference.value;
    variance += weight ** 2 * difference.variance;
    weights += weight;
  }
  if (weights === 0) return { difference: 0, low: null, high: null };
  return withInterval(sum / weights, Math.sqrt(variance) / weights, bounds);
}

/** An estimate with its confidence sequence; open ends are null. */
export function withInterval(
  difference: number,
  standardError: number,
  bounds: { alpha: number; tightestAt: number },
): Compared {
  const { low, high } = confidenceSequence({ difference, standardError }, bounds);
  return {
    difference,
    low: Number.isFinite(low) ? low : null,
    high: Number.isFinite(high) ? high : null,
  };
}
