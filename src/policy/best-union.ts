import type { LadderRung } from '../domain/index.ts';
import { type CoverRules, cheapestCover } from './rung-cover.ts';

/** A ladder with what it is worth to each part of an audience, in points. */
export type ValuedLadder = { rungs: readonly LadderRung[]; points: readonly number[] };

export type UnionProblem = CoverRules & {
  ladders: readonly ValuedLadder[];
  /** Of each part of the audience, 0..1. */
  shares: readonly number[];
  /** Rungs that must be stood for whatever ladders are. */
  required: readonly LadderRung[];
};

/** The rungs, what they are worth in points after their cost, and by how much any other set could at most be better. */
export type Union = { rungs: LadderRung[]; value: number; shortfall: number };

/** Covers tried before the best so far is taken. A default config needs a few hundred; what is given up is said in `shortfall`. */
const MAX_COVERS = 4_000;
/** Gains below this are rounding: ties go to the ladder that comes first. */
const TIE = 1e-9;

/**
 * The set of at most `maxRungs` rungs that maximises Σ share · (points of the best ladder it stands for) − cost: branch and bound over
 * ladders, each set of ladders made by its cheapest cover. Exact unless `maxCovers` are used up: then within `shortfall`. Null when no
 * ladder fits beside what is required.
 */
export function bestUnion(problem: UnionProblem, maxCovers = MAX_COVERS): Union | null {
  const { shares, required } = problem;
  const candidates = [...required, ...problem.ladders.flatMap(({ rungs }) => rungs)];
  const ladders = problem.ladders;
  const bestFrom = suffixMaxima(ladders, shares.length);
  const worth = (points: readonly number[]): number =>
    shares.reduce((sum, share, part) => (share > 0 ? sum + share * (points[part] ?? 0) : sum), 0);
  let best: { rungs: LadderRung[]; value: number } | null = null;
  let bound = Number.NEGATIVE_INFINITY;
  let covers = 0;

  function explore(index: number, wanted: readonly LadderRung[], points: readonly number[], costPoints: number): void {
    const most = worth(maxima(points, bestFrom[index] ?? [])) - costPoints;
    if (index === ladders.length || (best !== null && most <= best.value + TIE)) return;
    if (covers >= maxCovers) {
      bound = Math.max(bound, most);
      return;
    }
    const ladder = ladders[index] as ValuedLadder;
    // A ladder that no part would be given only costs.
    if (ladder.points.some((each, part) => each > (points[part] ?? 0) && (shares[part] ?? 0) > 0)) {
      covers += 1;
      const together = [...wanted, ...ladder.rungs];
      const cover = cheapestCover(together, candidates, problem);
      if (cover !== null) {
        const shown = maxima(points, ladder.points);
        const value = worth(shown) - cover.costPoints;
        if (best === null || value > best.value + TIE) best = { rungs: cover.rungs, value };
        explore(index + 1, together, shown, cover.costPoints);
      }
    }
    explore(index + 1, wanted, points, costPoints);
  }

  const nothing = shares.map(() => Number.NEGATIVE_INFINITY);
  explore(0, required, nothing, cheapestCover(required, candidates, problem)?.costPoints ?? 0);
  const found = best as { rungs: LadderRung[]; value: number } | null;
  return found && { ...found, shortfall: Math.max(0, bound - found.value) };
}

const maxima = (left: readonly number[], right: readonly number[]): number[] =>
  left.map((value, part) => Math.max(value, right[part] ?? Number.NEGATIVE_INFINITY));

/** Per index, the most that this ladder or a later one is worth to each part. */
function suffixMaxima(ladders: readonly ValuedLadder[], parts: number): number[][] {
  const from = [Array.from({ length: parts }, () => Number.NEGATIVE_INFINITY)];
  for (const { points } of [...ladders].reverse()) from.unshift(maxima(from[0] as number[], points));
  return from;
}
