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
 * Points a ladder loses when a rung is stood for by one at the edge of `mergeRatio`: about six points a doubling of the bitrate in the
 * middle of a ladder, for the seventh of its views that play one rung. Without it the cheaper neighbour would always win.
 */
const SUBSTITUTE_POINTS = 0.2;

type Candidate = {
  rung: LadderRung;
  log: number;
  costPoints: number;
  /** The wanted rungs it stands for: [from, to) of those, by rising bitrate. */
  from: number;
  to: number;
};

/**
 * The cheapest rungs, at most `maxRungs` of the candidates, that stand for every wanted rung; null when none do. Exact: what a rung
 * stands for is an interval of bitrates, so the best set is a shortest path over candidates by rising bitrate.
 */
export function cheapestCover(
  wanted: readonly LadderRung[],
  candidates: readonly LadderRung[],
  rules: CoverRules,
): Cover | null {
  const targets = distinct(wanted).map(logOf);
  if (targets.length === 0) return { rungs: [], costPoints: 0 };
  const reach = Math.log(rules.mergeRatio);
  const useful = distinct(candidates).flatMap((rung) => usefulCandidate(rung, targets, rules));
  const distance = (log: number): number => (reach > 0 ? Math.abs(log) / reach : 0);
  const between = (low: Candidate | null, high: Candidate | null): number =>
    substitutes(targets, low, high, (log) => SUBSTITUTE_POINTS * distance(log));

  type Step = { costPoints: number; last: Candidate; before: Step | null };
  let frontier: (Step | null)[] = useful.map((candidate) =>
    candidate.from === 0
      ? { costPoints: candidate.costPoints + between(null, candidate), last: candidate, before: null }
      : null,
  );
  let best: Step | null = null;
  for (let count = 1; count <= rules.maxRungs; count += 1) {
    for (const step of frontier) {
      if (step === null || step.last.to < targets.length) continue;
      const costPoints = step.costPoints + between(step.last, null);
      if (best === null || costPoints < best.costPoints) best = { ...step, costPoints };
    }
    frontier = useful.map((next) => {
      let cheapest: Step | null = null;
      for (const step of frontier) {
        if (step === null || step.last.to < next.from || !mayStandBeside(step.last, next, reach)) continue;
        const costPoints = step.costPoints + next.costPoints + between(step.last, next);
        if (cheapest === null || costPoints < cheapest.costPoints) cheapest = { costPoints, last: next, before: step };
      }
      return cheapest;
    });
  }
  if (best === null) return null;
  const rungs: LadderRung[] = [];
  for (let step: Step | null = best; step !== null; step = step.before) rungs.unshift(step.last.rung);
  return { rungs, costPoints: best.costPoints };
}

const logOf = ({ bitrateKbps }: LadderRung): number => Math.log(bitrateKbps);

/** Keeps bounds as `ratio < mergeRatio` has them where logarithms are inexact. */
const LOG_TOLERANCE = 1e-12;

/** By rising bitrate; of several rungs of a bitrate the one with most lines. */
function distinct(rungs: readonly LadderRung[]): LadderRung[] {
  const byBitrate = new Map<number, LadderRung>();
  for (const rung of rungs) {
    if ((byBitrate.get(rung.bitrateKbps)?.height ?? 0) < rung.height) byBitrate.set(rung.bitrateKbps, rung);
  }
  return [...byBitrate.values()].sort((left, right) => left.bitrateKbps - right.bitrateKbps);
}

function usefulCandidate(rung: LadderRung, targets: readonly number[], rules: CoverRules): Candidate[] {
  const reach = Math.log(rules.mergeRatio);
  const log = logOf(rung);
  const stands = (target: number): boolean => target === log || Math.abs(target - log) < reach - LOG_TOLERANCE;
  const from = targets.findIndex(stands);
  if (from < 0) return [];
  let to = from;
  while (to < targets.length && stands(targets[to] as number)) to += 1;
  return [{ rung, log, costPoints: rules.costOf(rung), from, to }];
}

const mayStandBeside = (low: Candidate, high: Candidate, reach: number): boolean =>
  high.log > low.log && high.log - low.log >= reach - LOG_TOLERANCE;

/** What is lost on the wanted rungs between two neighbours, each stood for by the nearer one that reaches it. */
function substitutes(
  targets: readonly number[],
  low: Candidate | null,
  high: Candidate | null,
  lossAt: (log: number) => number,
): number {
  let loss = 0;
  for (let index = low?.from ?? 0; index < (high?.to ?? targets.length); index += 1) {
    const target = targets[index] as number;
    if ((low !== null && target <= low.log) || (high !== null && target > high.log)) continue;
    const byLow = low !== null && index < low.to ? lossAt(target - low.log) : Number.POSITIVE_INFINITY;
    const byHigh = high !== null && index >= high.from ? lossAt(high.log - target) : Number.POSITIVE_INFINITY;
    loss += Math.min(byLow, byHigh);
  }
  return loss;
}
