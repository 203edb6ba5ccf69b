import type { Allocation, Audience, EncodePlan, LadderRung, PolicyConfig, Source } from '../domain/index.ts';
import { audienceParts } from './audience-value.ts';
import { feasibleRungs, lowestRung, type RungLimits, rungLimits } from './feasible-rungs.ts';
import { FAST_LANE_MAX_HEIGHT, type FeasibleLadder, learnedRungs, type PlanProblem } from './learned-rungs.ts';
import { panelRungs } from './panel-rungs.ts';
import { planReason } from './plan-reason.ts';
import { learnedArms } from './pool-statistics.ts';

/** A line slower than this is weak: an upload over it was hard enough, and its file has few pixels worth many rungs. */
export const WEAK_UPLINK_KBPS = 1500;
/** Short side that a weak uplink is capped at. */
const WEAK_UPLINK_MAX_HEIGHT = 720;

/** Arms whose floor this source allows, with the rungs it allows; the baseline has at least its lowest. */
function feasibleLadders(config: PolicyConfig, limits: RungLimits): FeasibleLadder[] {
  return learnedArms(config).flatMap((arm) => {
    const { id, baseline } = arm;
    const rungs = feasibleRungs(arm.rungs, limits);
    if (rungs[0]?.bitrateKbps === arm.features.floorKbps) return [{ arm: id, baseline, rungs }];
    return baseline ? [{ arm: id, baseline, rungs: lowestRung(arm.rungs, limits) }] : [];
  });
}

/** The lowest rung made small enough for the fast lane. */
const withFastLane = (rungs: readonly LadderRung[]): LadderRung[] =>
  rungs.map((rung, index) => (index === 0 ? { ...rung, height: Math.min(rung.height, FAST_LANE_MAX_HEIGHT) } : rung));

/**
 * Which rungs an asset gets and why. `holdoutDraw` and `panelDraw` are uniforms in [0, 1) that belong to the asset: held-out
 * assets get the baseline's rungs alone, lift-panel assets (all while the audience is cold) carry them beside learned ones,
 * all others get the union of arms worth most to the audience. `uplinkKbps` is the uploader's measured line, null unknown.
 */
export function planEncode(input: {
  config: PolicyConfig;
  allocation: Allocation;
  audience: Audience;
  source: Pick<Source, 'width' | 'height' | 'bitrateKbps'>;
  uplinkKbps: number | null;
  holdoutDraw: number;
  panelDraw: number;
  cold: boolean;
}): EncodePlan {
  const { config, allocation, audience, source, uplinkKbps } = input;
  const weakUplink = uplinkKbps !== null && uplinkKbps < WEAK_UPLINK_KBPS;
  const limits = rungLimits(source, weakUplink ? WEAK_UPLINK_MAX_HEIGHT : null);
  const ladders = feasibleLadders(config, limits);
  const baseline = ladders.find((ladder) => ladder.baseline)?.rungs ?? [];
  const problem: PlanProblem = { ladders, baseline, parts: audienceParts(input, audience), settings: config.encode };
  const holdout = input.holdoutDraw < config.encode.holdoutShare;
  const liftPanel = !holdout && (input.cold || input.panelDraw < config.encode.liftPanelShare);
  const rungs = withFastLane(holdout ? baseline : liftPanel ? panelRungs(problem) : learnedRungs(problem));
  return {
    configVersion: config.configVersion,
    allocationVersion: allocation.allocationVersion,
    holdout,
    liftPanel,
    reason: planReason({
      ...problem,
      audience,
      rungs,
      holdout,
      liftPanel,
      limits,
      source,
      uplinkKbps: weakUplink ? uplinkKbps : null,
    }),
    audience,
    rungs,
  };
}
