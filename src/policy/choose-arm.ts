import type { Decision, DecisionReason } from '../domain/index.ts';
import type { AssetTreatments, EligibleTreatment } from './asset-treatments.ts';
import type { IndexedEntry } from './index-allocation.ts';
import { pinnedShares, type TreatmentShares, treatmentShares } from './treatment-shares.ts';

/** The policy's half of a Decision. */
export type ArmChoice = Pick<
  Decision,
  'arm' | 'setHash' | 'propensity' | 'eligible' | 'reason' | 'rungs' | 'fallbackLevel'
>;

type Draw = { position: number; offset: number };

/** Inverse CDF: the position whose interval holds `uniform`, and how far into that interval it lies. */
function draw(shares: readonly number[], uniform: number): Draw {
  let start = 0;
  let last = -1;
  let lastStart = 0;
  for (let position = 0; position < shares.length; position += 1) {
    const share = shares[position] as number;
    if (share <= 0) continue;
    last = position;
    lastStart = start;
    start += share;
    if (uniform < start) break;
  }
  // Only rounding of the last interval's end leads to it from beyond.
  if (last >= 0) return { position: last, offset: uniform - lastStart };
  throw new RangeError('treatments.eligible: expected the baseline among them (got no arm with weight)');
}

function reasonOf(
  entry: IndexedEntry,
  eligible: readonly EligibleTreatment[],
  chosen: EligibleTreatment,
  offset: number,
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
  const divided = pinned ? pinnedShares(entry, all, pinned) : treatmentShares(entry, all);
  const { position, offset } = draw(divided.shares, uniform);
  const chosen = all[position] as EligibleTreatment;
  return {
    arm: chosen.arm,
    setHash: chosen.setHash,
    propensity: divided.propensities[position] as number,
    eligible: divided.logged,
    reason: pinned ? 'pin' : reasonOf(entry, all, chosen, offset, divided),
    rungs: chosen.rungs,
    fallbackLevel: entry.entry.level,
  };
}
