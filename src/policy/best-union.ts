import type { LadderRung } from '../domain/index.ts';
import { type CoverRules, createRungCoverer } from './rung-cover.ts';

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

/** Sets of ladders tried before the best so far is taken: about the processor time that an upload can wait. */
const MAX_COVERS = 600;
/** Gains below this are rounding: ties go to the ladder that comes first. */
const TIE = 1e-9;

type Ladder = { places: readonly number[]; points: readonly number[] };
/** Ladders that are made, what is wanted for them, and the best of them for each part. */
type Chosen = { wanted: readonly number[]; points: readonly number[]; costPoints: number };

/**
 * The set of at most `maxRungs` rungs that maximises Σ share · (points of the best ladder it stands for) − cost: branch and bound over
 * sets of ladders, each made by its cheapest cover. Exact unless `maxCovers` are used up: then within `shortfall`. Null when no ladder
 * fits beside what is required.
 */
export function bestUnion(problem: UnionProblem, maxCovers = MAX_COVERS): Union | null {
  const { shares, required } = problem;
  const coverer = createRungCoverer([...required, ...problem.ladders.flatMap(({ rungs }) => rungs)], problem);
  const worth = (points: readonly number[]): number =>
    shares.reduce((sum, share, part) => (share > 0 ? sum + share * (points[part] ?? 0) : sum), 0);
  // A ladder that no part would be given only costs.
  const helps = ({ points }: Ladder, chosen: Chosen): boolean =>
    points.some((each, part) => each > (chosen.points[part] ?? 0) && (shares[part] ?? 0) > 0);
  // The sooner a good set is known, the fewer are looked at.
  const worthiestFirst = (chosen: Chosen, ladders: readonly Ladder[]): Ladder[] =>
    ladders
      .map((ladder) => ({ ladder, together: worth(maxima(chosen.points, ladder.points)) }))
      .sort((left, right) => right.together - left.together)
      .map(({ ladder }) => ladder);
  let best: { rungs: LadderRung[]; value: number } | null = null;
  let bound = Number.NEGATIVE_INFINITY;
  let covers = 0;

  /** Tries every set that has one ladder or more of `next` beside the chosen ones; `next` fit beside them one by one, as far as is known. */
  function extend(chosen: Chosen, next: readonly Ladder[]): void {
    const most = suffixMaxima(next, shares.length);
    for (const [index, ladder] of next.entries()) {
      const atMost = worth(maxima(chosen.points, most[index] ?? [])) - chosen.costPoints;
      if (best !== null && atMost <= best.value + TIE) return;
      if (covers >= maxCovers) {
        bound = Math.max(bound, atMost);
        return;
      }
      covers += 1;
      const wanted = union(chosen.wanted, ladder.places);
      const cover = coverer.cheapest(wanted);
      if (cover === null) continue;
      const points = maxima(chosen.points, ladder.points);
      const value = worth(points) - cover.costPoints;
      if (best === null || value > best.value + TIE) best = { rungs: cover.rungs, value };
      const grown = { wanted, points, costPoints: cover.costPoints };
      const later = next
        .slice(index + 1)
        .filter((other) => helps(other, grown) && coverer.mayFit(union(wanted, other.places)));
      extend(grown, worthiestFirst(grown, later));
    }
  }

  const ladders = problem.ladders.map(({ rungs, points }) => ({ places: coverer.placesOf(rungs), points }));
  const wanted = coverer.placesOf(required);
  const nothing = shares.map(() => Number.NEGATIVE_INFINITY);
  const costPoints = coverer.cheapest(wanted)?.costPoints ?? 0;
  const chosen = { wanted, points: nothing, costPoints };
  extend(chosen, worthiestFirst(chosen, ladders));
  const found = best as { rungs: LadderRung[]; value: number } | null;
  return found && { ...found, shortfall: Math.max(0, bound - found.value) };
}

const maxima = (left: readonly number[], right: readonly number[]): number[] =>
  left.map((value, part) => Math.max(value, right[part] ?? Number.NEGATIVE_INFINITY));

/** Of two rising lists, rising. */
function union(left: readonly number[], right: readonly number[]): number[] {
  const both: number[] = [];
  let [l, r] = [0, 0];
  while (l < left.length || r < right.length) {
    const [low = Number.POSITIVE_INFINITY, high = Number.POSITIVE_INFINITY] = [left[l], right[r]];
    both.push(Math.min(low, high));
    if (low <= high) l += 1;
    if (high <= low) r += 1;
  }
  return both;
}

/** Per index, the most that this ladder or a later one is worth to each part. */
function suffixMaxima(ladders: readonly Ladder[], parts: number): number[][] {
  const from = [Array.from({ length: parts }, () => Number.NEGATIVE_INFINITY)];
  for (const { points } of [...ladders].reverse()) from.unshift(maxima(from[0] as number[], points));
  return from;
}
