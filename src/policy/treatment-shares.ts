import { contextKey, type EligibleArm } from '../domain/index.ts';
import { challengerWeights } from './allocate.ts';
import type { EligibleTreatment } from './asset-treatments.ts';
import { bestProbabilities } from './best-probabilities.ts';
import type { IndexedEntry } from './index-allocation.ts';
import { add, at, type Matrix, zeros } from './matrix.ts';
import { seededRng } from './seeded-rng.ts';

/** How the views of one context are divided on one kind of asset. */
export type TreatmentShares = {
  /** Probability of each eligible arm, in their order; they sum to 1. A treatment's is the sum over its arms. */
  shares: readonly number[];
  /** What of the baseline arm's probability is its fixed share. */
  fixedShare: number;
  /** Set of the treatment that is most likely the best; null where nothing may be given but the baseline. */
  best: string | null;
  /** As decisions log the arms: one list for all of them. */
  logged: EligibleArm[];
  /** Probability of each arm's treatment. */
  propensities: readonly number[];
};

/** Kinds of assets are few (which arms are eligible, and which of them are one); a strange mix of them must not fill memory. */
const MOST_KINDS = 256;

/** As it is on every asset of a kind: `best` is the position of an arm, since sets have other names on other assets. */
type KindShares = Pick<TreatmentShares, 'shares' | 'fixedShare'> & { best: number | null };

/** What was worked out for an entry: it lives as long as its allocation is served. */
export type KnownShares = {
  byAsset: WeakMap<object, TreatmentShares>;
  /** Where an arm is pinned, by its id. */
  pinned: WeakMap<object, Map<string, TreatmentShares>>;
  byKind: Map<string, KindShares>;
};

/**
 * The probabilities of the eligible arms: P(best) among the *treatments* there are on this asset, from the entry's joint posterior,
 * weighed like everywhere by budget and baseline share. Arms that resolve to the same set are one treatment, worth what its arms
 * are on average. Entries without a joint posterior give their arms' weights, scaled to those that are eligible. Worked out once
 * per entry and kind of asset, with draws that depend on nothing else: every process decides by the same probabilities.
 */
export function treatmentShares(entry: IndexedEntry, eligible: readonly EligibleTreatment[]): TreatmentShares {
  const { byAsset, byKind } = entry.known;
  const remembered = byAsset.get(eligible);
  if (remembered) return remembered;
  const kind = kindOf(eligible);
  const shares = byKind.get(kind) ?? divide(entry, eligible, kind);
  if (byKind.size >= MOST_KINDS) byKind.clear();
  byKind.set(kind, shares);
  const here = onAsset(shares, eligible);
  byAsset.set(eligible, here);
  return here;
}

/** All views for one of the eligible arms, worked out once as well. */
export function pinnedShares(
  entry: IndexedEntry,
  eligible: readonly EligibleTreatment[],
  pinned: EligibleTreatment,
): TreatmentShares {
  const byArm = entry.known.pinned.get(eligible) ?? new Map<string, TreatmentShares>();
  const remembered = byArm.get(pinned.arm);
  if (remembered) return remembered;
  const shares = eligible.map((treatment) => (treatment === pinned ? 1 : 0));
  const here = onAsset({ shares, fixedShare: 0, best: null }, eligible);
  entry.known.pinned.set(eligible, byArm.set(pinned.arm, here));
  return here;
}

function onAsset({ shares, fixedShare, best }: KindShares, eligible: readonly EligibleTreatment[]): TreatmentShares {
  const bySet = new Map<string, number>();
  for (const [index, { setHash }] of eligible.entries())
    bySet.set(setHash, (bySet.get(setHash) ?? 0) + (shares[index] ?? 0));
  return {
    shares,
    fixedShare,
    best: best === null ? null : (eligible[best]?.setHash ?? null),
    logged: eligible.map(({ arm, setHash }, index) => ({ arm, propensity: shares[index] ?? 0, setHash })),
    propensities: eligible.map(({ setHash }) => Math.min(1, bySet.get(setHash) ?? 0)),
  };
}

/** Which arms there are, and which of them are one treatment. */
function kindOf(eligible: readonly EligibleTreatment[]): string {
  const first = new Map<string, number>();
  return eligible
    .map(({ arm, setHash }, index) => {
      const same = first.get(setHash) ?? index;
      first.set(setHash, same);
      return same === index ? arm : `${arm}=${same}`;
    })
    .join(' ');
}

/** Eligible positions that are one treatment, the baseline's first; `arms` are those of them that may be given. */
type Treatment = { positions: number[]; arms: number[] };

function divide(entry: IndexedEntry, eligible: readonly EligibleTreatment[], kind: string): KindShares {
  const treatments = treatmentsOf(entry, eligible);
  const everyArm = treatments.length === eligible.length && treatments.length === entry.ranking.length;
  if (!entry.joint || everyArm) return scaled(entry, eligible);
  const { exploration, seed } = entry.drawing;
  const rng = seededRng(seed, `${entry.entry.level} ${contextKey(entry.entry)} on ${kind}`);
  const joint = jointOf(treatments, entry.joint);
  const pBest = bestProbabilities(joint, [...treatments.keys()], rng, exploration.posteriorDraws);
  const weights = challengerWeights(pBest, exploration);
  const { baselineShare } = entry.entry;
  const shares = new Array<number>(eligible.length).fill(0);
  for (const [index, { positions }] of treatments.entries()) {
    const learned = (1 - baselineShare) * (weights[index] ?? 0);
    for (const [position, part] of partsOf(entry, eligible, positions)) shares[position] = learned * part;
  }
  const baseline = eligible.findIndex((each) => each.baseline);
  shares[baseline] = (shares[baseline] ?? 0) + baselineShare;
  const best = pBest.indexOf(Math.max(...pBest));
  return { shares: normalised(shares), fixedShare: baselineShare, best: treatments[best]?.positions[0] ?? baseline };
}

/** Treatments with an arm that the entry knows and its guards let through. */
function treatmentsOf(entry: IndexedEntry, eligible: readonly EligibleTreatment[]): Treatment[] {
  const bySet = new Map<string, Treatment>();
  const baselineFirst = [...eligible.keys()].sort(
    (left, right) => Number(eligible[right]?.baseline) - Number(eligible[left]?.baseline) || left - right,
  );
  for (const position of baselineFirst) {
    const { arm, setHash } = eligible[position] as EligibleTreatment;
    const at = entry.positions.get(arm);
    if (at === undefined || entry.guarded.has(arm)) continue;
    const treatment = bySet.get(setHash) ?? { positions: [], arms: [] };
    bySet.set(setHash, treatment);
    treatment.positions.push(position);
    treatment.arms.push(at);
  }
  return [...bySet.values()];
}

/** The joint normal of the treatments' rewards: each the average of its arms'. */
function jointOf(treatments: readonly Treatment[], arms: { mean: Float64Array; covariance: Matrix }) {
  const covariance = zeros(treatments.length, treatments.length);
  for (const [row, left] of treatments.entries()) {
    for (const [column, right] of treatments.entries()) {
      let sum = 0;
      for (const one of left.arms) for (const other of right.arms) sum += at(arms.covariance, one, other);
      add(covariance, row, column, sum / (left.arms.length * right.arms.length));
    }
  }
  const mean = Float64Array.from(
    treatments,
    (treatment) => treatment.arms.reduce((sum, arm) => sum + (arms.mean[arm] ?? 0), 0) / treatment.arms.length,
  );
  return { mean, covariance };
}

/** A treatment's learned part among its arms, as their weights are when all are eligible: it only says whose the view is called. */
function partsOf(
  entry: IndexedEntry,
  eligible: readonly EligibleTreatment[],
  positions: readonly number[],
): [number, number][] {
  const learned = positions.map((position) => {
    const { arm, baseline } = eligible[position] as EligibleTreatment;
    return Math.max(0, (entry.weights.get(arm) ?? 0) - (baseline ? entry.entry.baselineShare : 0));
  });
  const total = learned.reduce((sum, weight) => sum + weight, 0);
  return positions.map((position, index) => [
    position,
    total > 0 ? (learned[index] ?? 0) / total : 1 / positions.length,
  ]);
}

/** The entry's weights over the eligible arms; the baseline takes all when none has weight. */
function scaled(entry: IndexedEntry, eligible: readonly EligibleTreatment[]): KindShares {
  const weights = eligible.map(({ arm }) => entry.weights.get(arm) ?? 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return { shares: eligible.map(({ baseline }) => (baseline ? 1 : 0)), fixedShare: 0, best: null };
  const favourite = entry.ranking.find((arm) => eligible.some((treatment) => treatment.arm === arm));
  const best = eligible.findIndex(({ arm }) => arm === favourite);
  return {
    shares: weights.map((weight) => weight / total),
    fixedShare: entry.entry.baselineShare / total,
    best: best < 0 ? null : best,
  };
}

/** Exactly 1 in sum, as propensities are logged. */
function normalised(shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share / total);
}
