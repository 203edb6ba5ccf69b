import { monotoneCubic } from '../../src/media/plan/per-title/monotone-cubic.ts';

/** One rendition of a ladder: what it takes and how good it looks. */
export type RatePoint = { kbps: number; points: number };

const STEPS = 400;

/**
 * Bjøntegaard delta rate (VCEG-M33, piecewise cubic): how much more bitrate `ladder` takes than `reference` for equal quality, −0.1 =
 * 10 % less, over the range of quality both reach. Renditions that a cheaper one outdoes are left out. Null where nothing is shared.
 */
export function bdRate(ladder: readonly RatePoint[], reference: readonly RatePoint[]): number | null {
  const [ours, theirs] = [undominated(ladder), undominated(reference)];
  const low = Math.max(ours[0]?.points ?? Number.NaN, theirs[0]?.points ?? Number.NaN);
  const high = Math.min(ours.at(-1)?.points ?? Number.NaN, theirs.at(-1)?.points ?? Number.NaN);
  if (!(high - low > 1)) return null;
  const [logOurs, logTheirs] = [logRate(ours), logRate(theirs)];
  let sum = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const points = low + ((step + 0.5) / STEPS) * (high - low);
    sum += logOurs(points) - logTheirs(points);
  }
  return Math.exp(sum / STEPS) - 1;
}

function undominated(ladder: readonly RatePoint[]): RatePoint[] {
  const kept: RatePoint[] = [];
  for (const point of [...ladder].sort((a, b) => a.kbps - b.kbps || b.points - a.points)) {
    if (point.points > (kept.at(-1)?.points ?? Number.NEGATIVE_INFINITY) + 1e-6) kept.push(point);
  }
  return kept;
}

const logRate = (ladder: readonly RatePoint[]): ((points: number) => number) =>
  monotoneCubic(ladder.map(({ kbps, points }) => ({ x: points, y: Math.log(kbps) })));
