import type { Allocation, ArmAllocation, Audience, Context, FallbackLevel, PolicyConfig } from '../domain/index.ts';
import { findEntry, indexAllocation } from './index-allocation.ts';
import { chanceAboveZero } from './normal-distribution.ts';

/** What the arms are worth to one part of the audience. */
export type AudiencePart = {
  context: Context;
  /** 0..1. */
  share: number;
  level: FallbackLevel;
  arms: ReadonlyMap<string, ArmAllocation>;
  /** Points per view over the baseline, by arm id; doubtful arms count at their lower bound. */
  points: ReadonlyMap<string, number>;
};

/** An encode is not undone by the next refit: an arm's gain counts only when it beats the baseline this surely. */
const SURE_ENOUGH = 0.8;
/** What a guarded arm counts for: as bad as failing to start. */
const GUARDED_POINTS = -100;
/** Share of the audience in regions nobody has been seen in, above which it is cold. */
const COLD_SHARE = 0.5;

function gainOf(arm: ArmAllocation, baseline: ArmAllocation): number {
  if (arm.guard !== 'ok') return GUARDED_POINTS;
  const gain = arm.mean - baseline.mean;
  // The allocation keeps no covariances; taking the two as independent overstates the doubt.
  const sd = Math.hypot(arm.sd, baseline.sd);
  return chanceAboveZero(gain, sd) >= SURE_ENOUGH ? gain : Math.min(0, gain - sd);
}

/** What is known about every part of an audience, largest share first. */
export function audienceParts(
  policy: { config: PolicyConfig; allocation: Allocation },
  audience: Audience,
): AudiencePart[] {
  const indexed = indexAllocation(policy);
  const baselineId = policy.config.arms.find((arm) => arm.baseline)?.id;
  return audience.shares
    .map(({ share, ...context }) => {
      const { entry } = findEntry(indexed, context);
      const arms = new Map(entry.arms.map((arm) => [arm.arm, arm]));
      const baseline = arms.get(baselineId ?? '');
      const points = new Map(
        baseline ? entry.arms.map((arm) => [arm.arm, arm === baseline ? 0 : gainOf(arm, baseline)]) : [],
      );
      return { context, share, level: entry.level, arms, points };
    })
    .sort((left, right) => right.share - left.share);
}

/** Points of an arm for a part of the audience; one the allocation does not know is not to be relied on. */
export const pointsOf = (part: AudiencePart, ladder: { arm: string; baseline: boolean }): number =>
  ladder.baseline ? 0 : (part.points.get(ladder.arm) ?? GUARDED_POINTS);

/** True while most of an audience is in regions without evidence: such an asset carries the baseline beside other rungs. */
export function audienceIsCold(policy: { config: PolicyConfig; allocation: Allocation }, audience: Audience): boolean {
  const known = audienceParts(policy, audience).filter(({ level }) => level === 'cell' || level === 'region');
  return 1 - known.reduce((sum, { share }) => sum + share, 0) > COLD_SHARE;
}
