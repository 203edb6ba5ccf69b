import type { LadderRung } from '../../src/domain/index.ts';
import type { UnionProblem } from '../../src/policy/best-union.ts';
import type { CoverRules } from '../../src/policy/rung-cover.ts';

/** Points lost by a substitute at the edge of the merge ratio, as the objective states it. */
const SUBSTITUTE_POINTS = 0.02;

const ratio = (left: LadderRung, right: LadderRung): number =>
  Math.max(left.bitrateKbps / right.bitrateKbps, right.bitrateKbps / left.bitrateKbps);

function subsets(rungs: readonly LadderRung[], maxRungs: number): LadderRung[][] {
  const sets: LadderRung[][] = [[]];
  for (const rung of rungs) {
    const smaller = sets.filter((set) => set.length < maxRungs);
    sets.push(...smaller.map((set) => [...set, rung]));
  }
  return sets;
}

const distinct = (rungs: readonly LadderRung[]): LadderRung[] => [
  ...new Map(rungs.map((rung) => [rung.bitrateKbps, rung])).values(),
];

const areApart = (rungs: readonly LadderRung[], mergeRatio: number): boolean =>
  rungs.every((rung, index) => rungs.slice(index + 1).every((other) => ratio(rung, other) >= mergeRatio));

/** What a set of rungs costs when it stands for these; null when it does not. */
function costOf(set: readonly LadderRung[], wanted: readonly LadderRung[], rules: CoverRules): number | null {
  const nearest = distinct(wanted).map((rung) =>
    Math.min(Number.POSITIVE_INFINITY, ...set.map((each) => ratio(each, rung))),
  );
  if (nearest.some((each) => each !== 1 && each >= rules.mergeRatio)) return null;
  const substitutes = nearest.reduce((sum, each) => sum + Math.log(each) / Math.log(rules.mergeRatio), 0);
  return set.reduce((sum, rung) => sum + rules.costOf(rung), 0) + SUBSTITUTE_POINTS * substitutes;
}

/** Every set of candidates that stands for the wanted rungs, with its cost. */
export function everyCover(
  wanted: readonly LadderRung[],
  candidates: readonly LadderRung[],
  rules: CoverRules,
): { rungs: LadderRung[]; costPoints: number }[] {
  return subsets(distinct(candidates), rules.maxRungs)
    .filter((set) => areApart(set, rules.mergeRatio))
    .flatMap((rungs) => {
      const costPoints = costOf(rungs, wanted, rules);
      return costPoints === null ? [] : [{ rungs, costPoints }];
    });
}

/** The best of all sets of rungs, for all sets of ladders that it may be made for. */
export function bruteForceUnion(problem: UnionProblem): { rungs: LadderRung[]; value: number } | null {
  const { ladders, shares, required } = problem;
  const candidates = distinct([...required, ...ladders.flatMap(({ rungs }) => rungs)]);
  const sets = subsets(candidates, problem.maxRungs).filter((set) => areApart(set, problem.mergeRatio));
  let best: { rungs: LadderRung[]; value: number } | null = null;
  for (let chosen = 1; chosen < 2 ** ladders.length; chosen += 1) {
    const kept = ladders.filter((_, index) => chosen & (1 << index));
    const wanted = [...required, ...kept.flatMap(({ rungs }) => rungs)];
    const points = shares.reduce(
      (sum, share, part) => sum + share * Math.max(...kept.map((ladder) => ladder.points[part] ?? 0)),
      0,
    );
    for (const rungs of sets) {
      const costPoints = costOf(rungs, wanted, problem);
      if (costPoints === null) continue;
      if (best === null || points - costPoints > best.value) best = { rungs, value: points - costPoints };
    }
  }
  return best;
}
