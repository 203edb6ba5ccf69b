import type { EncodeAssignment, EncodePlan, PolicyConfig } from '../domain/index.ts';

/** Uniforms in [0, 1) that belong to an asset: keyed hashes of its id, which nobody can choose or probe. */
export type EncodeDraws = { holdout: number; superset: number; panel: number };

/**
 * Which group an asset falls into, with the probability that it had. While its audience is cold all but held-out and superset assets are
 * in the panel.
 */
export function drawEncodeGroup(
  { holdoutShare, supersetShare, liftPanelShare }: PolicyConfig['encode'],
  draws: EncodeDraws,
  cold: boolean,
): EncodeAssignment {
  if (draws.holdout < holdoutShare) return { group: 'holdout', propensity: holdoutShare, cold };
  const free = 1 - holdoutShare;
  if (draws.superset < supersetShare) return { group: 'superset', propensity: free * supersetShare, cold };
  const rest = free * (1 - supersetShare);
  if (cold) return { group: 'panel', propensity: rest, cold };
  if (draws.panel < liftPanelShare) return { group: 'panel', propensity: rest * liftPanelShare, cold };
  return { group: 'learned', propensity: rest * (1 - liftPanelShare), cold };
}

/** The group of a plan; those older than assignments say it by their marks, and their probability is not known. */
export function assignmentOf(plan: EncodePlan): EncodeAssignment {
  if (plan.assignment !== undefined) return plan.assignment;
  const group = plan.holdout ? 'holdout' : plan.liftPanel ? 'panel' : 'learned';
  return { group, propensity: 0, cold: plan.audience.level === 'cold' };
}
