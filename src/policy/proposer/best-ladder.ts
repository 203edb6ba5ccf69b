/** Share of a context's views whose line a player goes by as `kbps`; shares sum to 1. */
export type LineShare = { kbps: number; share: number };

/** What a ladder is worth: points of a rung, what its bits cost, and what asking more than the line has costs. */
export type LadderValue = {
  /** Quality in points of a rung of this bitrate. */
  points: (kbps: number) => number;
  pointsPerMbps: number;
  /** Points lost at a stall ratio of 1, and the ratio beyond which no more is lost. */
  stallPoints: number;
  stallRatioClip: number;
  /** Points that every rung must bring. */
  pointsPerRung: number;
};

export type LadderSearch = {
  lines: readonly LineShare[];
  value: LadderValue;
  /** Bitrates a rung may have, strictly rising. */
  grid: readonly number[];
  maxRungs: number;
  /** Neighbouring rungs differ by this factor at least. */
  mergeRatio: number;
};

/** A rung on the lines that hold it and not the next one. */
function onLines(kbps: number, lines: readonly LineShare[], { points, pointsPerMbps }: LadderValue): number {
  const each = points(kbps) - (pointsPerMbps * kbps) / 1000;
  return lines.reduce((sum, { share }) => sum + share * each, 0);
}

/** The lowest rung on the lines below it: it is played all the same, and waits for what the line lacks. */
function belowFloor(kbps: number, lines: readonly LineShare[], value: LadderValue): number {
  const each = value.points(kbps);
  return lines.reduce((sum, line) => {
    const stallRatio = Math.min(value.stallRatioClip, 1 - line.kbps / kbps);
    const deliveredMbps = Math.min(kbps, line.kbps) / 1000;
    return sum + line.share * (each - value.stallPoints * stallRatio - value.pointsPerMbps * deliveredMbps);
  }, 0);
}

/** Expected points of a ladder (rising kbit/s): Σ Q(Rᵢ)·[F(Rᵢ₊₁) − F(Rᵢ)], less bits, stalls below the floor and rungs. */
export function ladderPoints(rungs: readonly number[], lines: readonly LineShare[], value: LadderValue): number {
  const floor = rungs[0] ?? 0;
  const within = (from: number, until: number): LineShare[] => lines.filter(({ kbps }) => kbps >= from && kbps < until);
  return rungs.reduce(
    (sum, kbps, index) =>
      sum + onLines(kbps, within(kbps, rungs[index + 1] ?? Number.POSITIVE_INFINITY), value) - value.pointsPerRung,
    belowFloor(floor, within(0, floor), value),
  );
}

/**
 * The ladder with the most expected points among all with rungs on the grid: exact, by dynamic programming over (rung, rungs so far),
 * grid² × maxRungs steps. Of equally good ones the first found, the same every time. Throws RangeError on an empty grid.
 */
export function bestLadder({ lines, value, grid, maxRungs, mergeRatio }: LadderSearch): number[] {
  if (grid.length === 0 || maxRungs < 1)
    throw new RangeError('grid: expected a bitrate and room for a rung (got none)');
  const between = (from: number, until: number): LineShare[] =>
    lines.filter(({ kbps }) => kbps >= from && kbps < until);
  // From the top: best[count][rung] is the most that `rung` and at most count − 1 higher ones bring to the lines that hold it.
  const above = grid.map((kbps, rung) => {
    const held = (until: number): number => onLines(kbps, between(kbps, until), value) - value.pointsPerRung;
    const last = held(Number.POSITIVE_INFINITY);
    const until = grid.map((next, index) => (index > rung && next >= kbps * mergeRatio ? held(next) : null));
    return { last, until };
  });
  let best = above.map(({ last }) => ({ points: last, next: -1 }));
  const layers = [best];
  for (let count = 2; count <= maxRungs; count += 1) {
    const fewer = best;
    best = above.map(({ last, until }) => {
      let found = { points: last, next: -1 };
      for (const [next, held] of until.entries()) {
        if (held === null) continue;
        const points = held + (fewer[next]?.points ?? 0);
        if (points > found.points) found = { points, next };
      }
      return found;
    });
    layers.push(best);
  }
  let [floor, most] = [0, Number.NEGATIVE_INFINITY];
  for (const [rung, kbps] of grid.entries()) {
    const points = belowFloor(kbps, between(0, kbps), value) + (best[rung]?.points ?? 0);
    if (points > most) [floor, most] = [rung, points];
  }
  const ladder: number[] = [];
  for (let [rung, layer] = [floor, layers.length - 1]; rung >= 0; layer -= 1) {
    ladder.push(grid[rung] ?? 0);
    rung = layers[layer]?.[rung]?.next ?? -1;
  }
  return ladder;
}
