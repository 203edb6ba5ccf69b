import type {
  Allocation,
  Audience,
  Codec,
  EncodeAssignment,
  EncodeGroup,
  EncodePlan,
  LadderRung,
  PolicyConfig,
  Source,
} from '../domain/index.ts';
import { audienceParts } from './audience-value.ts';
import { drawEncodeGroup, type EncodeDraws } from './encode-group.ts';
import { feasibleRungs, lowestRung, type RungLimits, rungLimits } from './feasible-rungs.ts';
import { FAST_LANE_MAX_HEIGHT, type FeasibleLadder, learnedRungs, type PlanProblem } from './learned-rungs.ts';
import { panelRungs } from './panel-rungs.ts';
import { planReason } from './plan-reason.ts';
import { learnedArms } from './pool-statistics.ts';
import { reliableLadders } from './reliable-rungs.ts';
import { priceRungs } from './rung-price.ts';
import { coverage } from './rung-union.ts';
import { supersetRungs } from './superset-rungs.ts';

/** A line slower than this is weak: an upload over it was hard enough, and its file has few pixels worth many rungs. */
export const WEAK_UPLINK_KBPS = 1500;
/** Short side that a weak uplink is capped at. */
const WEAK_UPLINK_MAX_HEIGHT = 720;

/** What plans are made in; other codecs are made later, as twins of what there is. */
const PLANNED_CODEC: Codec = 'h264';

/** Arms whose floor this source allows, with the rungs it allows; the baseline has at least its lowest. */
function feasibleLadders(config: PolicyConfig, limits: RungLimits): FeasibleLadder[] {
  const planned = learnedArms(config).filter(({ baseline, features }) => baseline || features.codec === PLANNED_CODEC);
  return planned.flatMap((arm) => {
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
 * Which rungs an asset gets and why. The group it is drawn into stands for good (`assigned` when it is planned again): held-out assets get
 * the baseline's rungs alone, the panel carries them beside learned ones, the superset what every arm needs, all others the union of
 * ladders worth most to the audience. `uplinkKbps` is the uploader's measured line, `durationMs` the video's length, null unknown.
 */
export function planEncode(input: {
  config: PolicyConfig;
  allocation: Allocation;
  audience: Audience;
  source: Pick<Source, 'width' | 'height' | 'bitrateKbps'> & { fps?: number };
  durationMs: number | null;
  uplinkKbps: number | null;
  draws: EncodeDraws;
  assigned?: EncodeAssignment | null;
  cold: boolean;
}): EncodePlan {
  const { config, allocation, audience, source, uplinkKbps, durationMs } = input;
  const weakUplink = uplinkKbps !== null && uplinkKbps < WEAK_UPLINK_KBPS;
  const limits = rungLimits(source, weakUplink ? WEAK_UPLINK_MAX_HEIGHT : null);
  const ladders = feasibleLadders(config, limits);
  const { watchSeconds } = audience;
  const problem: PlanProblem = {
    ladders,
    baseline: ladders.find((ladder) => ladder.baseline)?.rungs ?? [],
    parts: audienceParts(input, audience),
    settings: config.encode,
    costOf: priceRungs({ settings: config.encode, reward: config.reward, source, durationMs, watchSeconds }),
    needed: [],
  };
  const assignment = input.assigned ?? drawEncodeGroup(config.encode, input.draws, input.cold);
  const { group } = assignment;
  const made = rungsOf(group, problem, audience);
  const rungs = withFastLane(made.rungs);
  return {
    configVersion: config.configVersion,
    allocationVersion: allocation.allocationVersion,
    holdout: group === 'holdout',
    liftPanel: group === 'panel' || group === 'superset',
    reason: planReason({
      ...problem,
      audience,
      rungs,
      group,
      needed: made.needed,
      shortfall: made.shortfall,
      limits,
      source,
      uplinkKbps: weakUplink ? uplinkKbps : null,
    }),
    audience,
    rungs,
    assignment,
  };
}

type Made = { rungs: LadderRung[]; shortfall: number; needed: readonly LadderRung[] };

/** Only learned plans go by the audience's lines: held-out and panel assets are the measure that they are held against. */
function rungsOf(group: EncodeGroup, problem: PlanProblem, audience: Audience): Made {
  const whole = (rungs: LadderRung[]): Made => ({ rungs, shortfall: 0, needed: [] });
  if (group === 'holdout') return whole(problem.baseline);
  if (group === 'superset') return whole(supersetRungs(problem));
  if (group === 'panel') return whole(panelRungs(problem));
  const reliable = reliableLadders(problem.ladders, audience);
  const baseline = reliable.ladders.find((ladder) => ladder.baseline)?.rungs ?? problem.baseline;
  const made = learnedRungs({ ...problem, ...reliable, baseline });
  const isMade = (rung: LadderRung): boolean => coverage([rung], made.rungs, problem.settings.mergeRatio) === 1;
  return { ...made, needed: reliable.needed.filter(isMade) };
}
