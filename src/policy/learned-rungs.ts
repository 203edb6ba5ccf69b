import type { LadderRung, PolicyConfig } from '../domain/index.ts';
import { type AudiencePart, pointsOf } from './audience-value.ts';
import { coverage, mergeRungs, thinRungs } from './rung-union.ts';

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
};

/** Points an audience gets from the best arm each of its parts can be given out of a set of rungs, minus the rungs' cost. */
function unionValue(union: readonly LadderRung[], { ladders, parts, settings }: PlanProblem): number {
  const carried = ladders.filter(({ rungs }) => coverage(rungs, union, settings.mergeRatio) === 1);
  const points = parts.reduce(
    (sum, part) => sum + part.share * Math.max(...carried.map((ladder) => pointsOf(part, ladder))),
    0,
  );
  return points - settings.rungCostPoints * union.length;
}

/** Adds an arm's rungs, and the baseline's floor for viewers nobody expected, as far as they fit; null when they do not. */
function withLadder(
  union: readonly LadderRung[],
  ladder: readonly LadderRung[],
  problem: PlanProblem,
): LadderRung[] | null {
  const { maxRungs, mergeRatio } = problem.settings;
  const safe = mergeRungs(mergeRungs(union, ladder, mergeRatio), problem.baseline.slice(0, 1), mergeRatio);
  if (safe.length <= maxRungs) return safe;
  const bare = mergeRungs(union, ladder, mergeRatio);
  return bare.length <= maxRungs && (bare[0]?.height ?? 0) <= FAST_LANE_MAX_HEIGHT ? bare : null;
}

type Union = { rungs: LadderRung[]; value: number };

/** Adds the arm that adds most to the audience's value, until none adds more than its rungs cost. */
function grow(start: Union, problem: PlanProblem): Union {
  let grown = start;
  for (;;) {
    let best = grown;
    for (const { rungs } of problem.ladders) {
      const candidate = withLadder(grown.rungs, rungs, problem);
      if (!candidate) continue;
      const value = unionValue(candidate, problem);
      if (value > best.value) best = { rungs: candidate, value };
    }
    if (best === grown) return grown;
    grown = best;
  }
}

/** The best union of arms, grown from each arm in turn: the best first arm may leave no room for the best pair. Ties go to the baseline. */
export function learnedRungs(problem: PlanProblem): LadderRung[] {
  let best: Union | null = null;
  for (const { rungs } of problem.ladders) {
    const first = withLadder([], rungs, problem);
    if (!first) continue;
    const grown = grow({ rungs: first, value: unionValue(first, problem) }, problem);
    if (!best || grown.value > best.value) best = grown;
  }
  return best?.rungs ?? thinRungs(problem.baseline, problem.settings.maxRungs);
}
