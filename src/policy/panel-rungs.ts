import type { LadderRung } from '../domain/index.ts';
import { pointsOf } from './audience-value.ts';
import type { PlanProblem } from './learned-rungs.ts';
import { coverage, mergeRungs, ratioOf } from './rung-union.ts';

/** How much of the arms' surely better ladders a set of rungs can show to its audience, points. */
function potential(union: readonly LadderRung[], { ladders, parts, settings }: PlanProblem): number {
  return parts.reduce((sum, part) => {
    const shown = ladders.map(
      (ladder) => Math.max(0, pointsOf(part, ladder)) * coverage(ladder.rungs, union, settings.mergeRatio),
    );
    return sum + part.share * Math.max(0, ...shown);
  }, 0);
}

/** Which of two rungs to add: the one that shows more learned value, then one below the floor, then the furthest from what is there. */
function preferred(
  rungs: readonly LadderRung[],
  union: readonly LadderRung[],
  problem: PlanProblem,
): LadderRung | undefined {
  const floorKbps = union[0]?.bitrateKbps ?? 0;
  return rungs
    .map((rung) => ({
      rung,
      gain: potential([...union, rung], problem),
      belowFloor: Number(rung.bitrateKbps < floorKbps),
      distance: Math.min(...union.map((other) => ratioOf(rung, other))),
    }))
    .sort(
      (left, right) => right.gain - left.gain || right.belowFloor - left.belowFloor || right.distance - left.distance,
    )[0]?.rung;
}

/** The baseline's rungs, and in the room that is left those of surely better ladders, then whatever makes other ladders possible. */
export function panelRungs(problem: PlanProblem): LadderRung[] {
  const { maxRungs, mergeRatio } = problem.settings;
  const isWanted = (ladder: PlanProblem['ladders'][number]): boolean =>
    problem.parts.some((part) => pointsOf(part, ladder) > 0);
  let union = problem.baseline;
  const missing = (ladders: PlanProblem['ladders']): LadderRung[] =>
    ladders.flatMap(({ rungs }) => rungs).filter((rung) => mergeRungs(union, [rung], mergeRatio).length > union.length);
  while (union.length < maxRungs) {
    const wanted = missing(problem.ladders.filter(isWanted));
    const next = preferred(wanted.length > 0 ? wanted : missing(problem.ladders), union, problem);
    if (!next) break;
    union = mergeRungs(union, [next], mergeRatio);
  }
  return union;
}
