import type { LadderRung } from '../domain/index.ts';

/** What making a set of rungs costs and how alike rungs must be to stand for each other. */
export type CoverRules = {
  maxRungs: number;
  /** Rungs closer than this ratio stand for each other, and are never both made. */
  mergeRatio: number;
  /** Points that a rung costs its audience's views. */
  costOf(rung: LadderRung): number;
};

/** Rungs by rising bitrate, and what they cost in points, substitutes included. */
export type Cover = { rungs: LadderRung[]; costPoints: number };

/**
 * Points that a rung at the edge of `mergeRatio` costs when it stands for another: enough that of rungs which cost about the same the one
 * that was meant is made, too little to outweigh a rung.
 */
const SUBSTITUTE_POINTS = 0.02;
/** Keeps bounds as `ratio < mergeRatio` has them where logarithms are inexact. */
const LOG_TOLERANCE = 1e-12;

/** Finds covers among the same candidates again and again; rungs are known by their place, by rising bitrate. */
export type RungCoverer = {
  /** Places of these rungs, all of them candidates, rising. */
  placesOf(rungs: readonly LadderRung[]): number[];
  /** A necessary condition that costs next to nothing: false is certain. */
  mayFit(wanted: readonly number[]): boolean;
  /** The cheapest rungs, at most `maxRungs`, that stand for all of the wanted places (rising, distinct); null when none do. */
  cheapest(wanted: readonly number[]): Cover | null;
};

/** The cheapest of the candidates that stand for every wanted rung. */
export function cheapestCover(
  wanted: readonly LadderRung[],
  candidates: readonly LadderRung[],
  rules: CoverRules,
): Cover | null {
  const coverer = createRungCoverer([...wanted, ...candidates], rules);
  return coverer.cheapest(coverer.placesOf(wanted));
}

/**
 * Exact covers: what a rung stands for is an interval of bitrates, so the cheapest set is a shortest path over candidates by rising
 * bitrate. Of several candidates of a bitrate the one with most lines counts.
 */
export function createRungCoverer(candidates: readonly LadderRung[], rules: CoverRules): RungCoverer {
  const rungs = distinct(candidates);
  const logs = rungs.map(({ bitrateKbps }) => Math.log(bitrateKbps));
  const costs = rungs.map((rung) => rules.costOf(rung));
  const reach = Math.max(0, Math.log(rules.mergeRatio) - LOG_TOLERANCE);
  const placeOf = new Map(rungs.map(({ bitrateKbps }, place) => [bitrateKbps, place]));
  const at = (place: number): number => logs[place] as number;
  const costAt = (place: number): number => costs[place] as number;
  const stands = (place: number, target: number): boolean =>
    place === target || Math.abs(at(place) - at(target)) < reach;
  const first = rungs.map((_, place) => rungs.findIndex((__, target) => stands(place, target)));
  const last = rungs.map((_, place) => rungs.findLastIndex((__, target) => stands(place, target)));
  const firstAt = (place: number): number => first[place] as number;
  const lastAt = (place: number): number => last[place] as number;
  const loss = (place: number, target: number): number =>
    reach > 0 ? (SUBSTITUTE_POINTS * Math.abs(at(place) - at(target))) / reach : 0;
  const areApart = (low: number, high: number): boolean => at(high) - at(low) >= reach;

  /** What is lost on the wanted rungs between two neighbours (null: none on that side), each stood for by the nearer one that reaches it. */
  function between(wanted: readonly number[], low: Useful | null, high: Useful | null): number {
    let sum = 0;
    for (let index = low?.above ?? 0; index < (high?.above ?? wanted.length); index += 1) {
      const target = wanted[index] as number;
      const byLow = low !== null && index < low.to ? loss(low.place, target) : Number.POSITIVE_INFINITY;
      const byHigh = high !== null && index >= high.from ? loss(high.place, target) : Number.POSITIVE_INFINITY;
      sum += Math.min(byLow, byHigh);
    }
    return sum;
  }

  /** Every candidate that may come next above each: nothing wanted lies between what the two stand for. */
  function transitions(wanted: readonly number[], useful: readonly Useful[]): Transition[][] {
    let lowest = 0;
    return useful.map((high) => {
      while ((useful[lowest] as Useful).to < high.from) lowest += 1;
      const into: Transition[] = [];
      for (let index = lowest; index < useful.length; index += 1) {
        const low = useful[index] as Useful;
        if (!areApart(low.place, high.place)) break;
        into.push({ low: index, costPoints: costAt(high.place) + between(wanted, low, high) });
      }
      return into;
    });
  }

  return {
    placesOf: (wanted) =>
      [...new Set(wanted.map(({ bitrateKbps }) => placeOf.get(bitrateKbps) ?? -1))].sort((left, right) => left - right),
    mayFit(wanted) {
      let covered = -1;
      let count = 0;
      for (const target of wanted) {
        if (target <= covered) continue;
        count += 1;
        if (count > rules.maxRungs) return false;
        // The highest rung that still stands for it.
        covered = lastAt(lastAt(target));
      }
      return true;
    },
    cheapest(wanted) {
      if (wanted.length === 0) return { rungs: [], costPoints: 0 };
      const useful = usefulPlaces(wanted);
      const into = transitions(wanted, useful);
      let best: Step | null = null;
      let frontier: (Step | null)[] = useful.map((candidate) =>
        candidate.from === 0
          ? { costPoints: costAt(candidate.place) + between(wanted, null, candidate), candidate, before: null }
          : null,
      );
      for (let count = 1; count <= rules.maxRungs; count += 1) {
        for (const step of frontier) {
          if (step === null || step.candidate.to < wanted.length) continue;
          const costPoints = step.costPoints + between(wanted, step.candidate, null);
          if (best === null || costPoints < best.costPoints) best = { ...step, costPoints };
        }
        const reached = frontier;
        frontier = useful.map((candidate, index) => cheapestStep(candidate, into[index] ?? [], reached));
      }
      return best && { rungs: pathOf(best).map((place) => rungs[place] as LadderRung), costPoints: best.costPoints };
    },
  };

  /** Candidates that stand for something wanted, by rising bitrate. */
  function usefulPlaces(wanted: readonly number[]): Useful[] {
    let [from, above, to] = [0, 0, 0];
    return rungs.flatMap((_, place) => {
      while (from < wanted.length && (wanted[from] as number) < firstAt(place)) from += 1;
      while (above < wanted.length && (wanted[above] as number) <= place) above += 1;
      while (to < wanted.length && (wanted[to] as number) <= lastAt(place)) to += 1;
      return from < to ? [{ place, from, above, to }] : [];
    });
  }
}

/** A candidate that stands for the wanted rungs [from, to), of which those below `above` are not above it. */
type Useful = { place: number; from: number; above: number; to: number };
type Transition = { low: number; costPoints: number };
type Step = { costPoints: number; candidate: Useful; before: Step | null };

function cheapestStep(candidate: Useful, into: readonly Transition[], reached: readonly (Step | null)[]): Step | null {
  let cheapest: Step | null = null;
  for (const { low, costPoints } of into) {
    const step = reached[low];
    if (!step) continue;
    const together = step.costPoints + costPoints;
    if (cheapest === null || together < cheapest.costPoints)
      cheapest = { costPoints: together, candidate, before: step };
  }
  return cheapest;
}

function pathOf({ candidate, before }: Step): number[] {
  return before === null ? [candidate.place] : [...pathOf(before), candidate.place];
}

/** By rising bitrate; of several rungs of a bitrate the one with most lines. */
function distinct(rungs: readonly LadderRung[]): LadderRung[] {
  const byBitrate = new Map<number, LadderRung>();
  for (const rung of rungs) {
    if ((byBitrate.get(rung.bitrateKbps)?.height ?? 0) < rung.height) byBitrate.set(rung.bitrateKbps, rung);
  }
  return [...byBitrate.values()].sort((left, right) => left.bitrateKbps - right.bitrateKbps);
}
