import type { Rollout } from '../../domain/index.ts';
import type { IndexedAllocation } from '../index-allocation.ts';

/** A config that some views are decided by, beside the one in force. */
export type ServedTrial = { stage: Rollout['stage']; share: number; candidate: IndexedAllocation };

/**
 * Which config decides a view: the one on trial for the first `share` of `draw`, uniform in [0, 1) and independent of the draw of
 * the arm. A growing share never takes a view back. `draw` is asked only while there is a trial.
 */
export function assignConfig(
  served: IndexedAllocation & { trial: ServedTrial | null },
  draw: () => number,
): { policy: IndexedAllocation; rollout?: Rollout } {
  const { trial } = served;
  if (trial === null) return { policy: served };
  const { stage, share, candidate } = trial;
  const trialVersion = candidate.config.configVersion;
  return draw() < share
    ? { policy: candidate, rollout: { trialVersion, stage, share } }
    : { policy: served, rollout: { trialVersion, stage, share: 1 - share } };
}
