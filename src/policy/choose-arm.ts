import type { Decision, DecisionReason, EligibleArm } from '../domain/index.ts';
import type { AssetTreatments, EligibleTreatment } from './asset-treatments.ts';
import type { IndexedEntry } from './index-allocation.ts';
import { type TreatmentShares, treatmentShares } from './treatment-shares.ts';

/** The policy's half of a Decision. */
export type ArmChoice = Pick<
  Decision,
  'arm' | 'setHash' | 'propensity' | 'eligible' | 'reason' | 'rungs' | 'fallbackLevel'
>;

type Draw = { chosen: EligibleTreatment; offset: number };

/** Inverse CDF: the arm whose interval holds `uniform`, and how far into that interval it lies. */
function draw(eligible: readonly EligibleTreatment[], shares: readonly number[], uniform: number): Draw {
  let start = 0;
  let last: Draw | null = null;
  for (const [index, chosen] of eligible.entries()) {
    const share = shares[index] ?? 0;
    if (share <= 0) continue;
    last = { chosen, offset: uniform - start };
    start += share;
    if (uniform < start) return last;
  }
  // Only rounding of the last interval's end leads here.
  if (last) return last;
  throw new RangeError('treatments.eligible: expected the baseline among them (got no arm with weight)');
}

function reasonOf(
  entry: IndexedEntry,
  eligible: readonly EligibleTreatment[],
  { chosen, offset }: Draw,
  { fixedShare, best }: TreatmentShares,
): DecisionReason {
  if (entry.entry.level === 'cold' || best === null) return 'fallback';
  if (eligible.every(({ setHash }) => setHash === chosen.setHash)) return 'fallback';
  if (chosen.baseline) {
    if (eligible.every(({ baseline, arm }) => baseline || entry.guarded.has(arm))) return 'guard';
    // The baseline's interval begins with its fixed share; the rest of it was learned.
    if (offset < fixedShare) return 'baseline';
  }
  return chosen.setHash === best ? 'learned' : 'explore';
}

/**
 * Which arm a view gets: the inverse CDF, at `uniform` in [0, 1), of their probabilities on this asset (`treatmentShares`) in id
 * order, so that a refit moves only views at the margins. A pinned arm wins with probability 1 while it is eligible.
 * `propensity` is the treatment's: the sum over arms that resolve to the same set.
 */
export function chooseArm(request: {
  entry: IndexedEntry;
  treatments: AssetTreatments;
  uniform: number;
  pinnedArm?: string | null;
}): ArmChoice {
  const { entry, treatments, uniform, pinnedArm = null } = request;
  const all = treatments.eligible;
  const pinned = pinnedArm === null ? undefined : all.find(({ arm }) => arm === pinnedArm);
  const divided: TreatmentShares = pinned
    ? { shares: all.map((treatment) => (treatment === pinned ? 1 : 0)), fixedShare: 0, best: null }
    : treatmentShares(entry, all);
  const { shares } = divided;
  const drawn = draw(all, shares, uniform);
  const { chosen } = drawn;
  const eligible: EligibleArm[] = [];
  let propensity = 0;
  for (const [index, { arm, setHash }] of all.entries()) {
    const share = shares[index] ?? 0;
    eligible.push({ arm, propensity: share, setHash });
    if (setHash === chosen.setHash) propensity += share;
  }
  return {
    arm: chosen.arm,
    setHash: chosen.setHash,
    propensity: Math.min(1, propensity),
    eligible,
    reason: pinned ? 'pin' : reasonOf(entry, all, drawn, divided),
    rungs: chosen.rungs,
    fallbackLevel: entry.entry.level,
  };
}
