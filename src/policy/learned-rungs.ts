import type { LadderRung, PolicyConfig } from '../domain/index.ts';
import { type AudiencePart, pointsOf } from './audience-value.ts';
import { bestUnion } from './best-union.ts';
import { thinRungs } from './rung-union.ts';

/** The fast lane makes the lowest rung first: it must be small to be quick. */
export const FAST_LANE_MAX_HEIGHT = 360;

/** An arm with the rungs this source allows. */
export type FeasibleLadder = { arm: string; baseline: boolean; rungs: LadderRung[] };

/** What an encode plan is chosen from, and for whom. */
export type PlanProblem = {
  ladders: readonly FeasibleLadder[];
  /** The baseline's feasible rungs. */
  baseline: LadderRung[];
  parts: readonly AudiencePart[];
  settings: PolicyConfig['encode'];
  /** Points that making and keeping a rung costs the audience's views. */
  costOf(rung: LadderRung): number;
  /** Rungs that this audience's lines need, whatever else is made. */
  needed: readonly LadderRung[];
};

/** The chosen rungs, and the points by which others could at most be better: 0 but for very many ladders. */
export type LearnedRungs = { rungs: LadderRung[]; shortfall: number };

/**
 * The union of ladders worth most to the audience after its cost, with the baseline's floor for viewers nobody expected; without what
 * the lines need where both do not fit. Ties go to the baseline.
 */
export function learnedRungs(problem: PlanProblem): LearnedRungs {
  const { parts, settings, costOf, needed } = problem;
  const floor = problem.baseline.slice(0, 1);
  const ladders = problem.ladders
    .map((ladder) => ({ ...ladder, points: parts.map((part) => pointsOf(part, ladder)) }))
    .sort((left, right) => Number(right.baseline) - Number(left.baseline));
  const shares = parts.map(({ share }) => share);
  const rules = { ladders, shares, maxRungs: settings.maxRungs, mergeRatio: settings.mergeRatio, costOf };
  const best = bestUnion({ ...rules, required: [...floor, ...needed] }) ?? bestUnion({ ...rules, required: floor });
  return best ?? { rungs: thinRungs(problem.baseline, settings.maxRungs), shortfall: 0 };
}
