import { type FrameSize, shortSide } from '../rung-geometry.ts';
import type { CurveValue, RateQualityCurve } from './rate-quality-curve.ts';

/** How the audience's screens weigh, shares of 1. */
export type ScreenShares = { phone: number; desktop: number };

/** The size to make at a bitrate, and what it then takes and shows. */
export type HullPoint = CurveValue & { size: FrameSize };

/** Two sizes within this look alike: the smaller one is cheaper to make and to play. Half a point was 4 % of the bits where it was given away. */
const SAME_POINTS = 0.2;

/** What a larger size must bring somewhere, at the most that is spent on it, to be worth making: half a just-noticeable difference. */
const RESOLUTION_MATTERS_POINTS = 3;

/** What an audience sees of a rendition, points. */
export const seenBy = (shares: ScreenShares, seen: { phone: number; desktop: number }): number =>
  shares.phone * seen.phone + shares.desktop * seen.desktop;

/**
 * The upper hull of the sizes' curves: the size that shows an audience most at `kbps`, the smallest one that looks the same
 * as it, at least `leastShortSide` pixels on its short side (larger than any: the largest).
 */
export function hullAt(
  curves: readonly RateQualityCurve[],
  of: { kbps: number; fps?: number; shares: ScreenShares; leastShortSide?: number },
): HullPoint {
  const tallEnough = curves.filter(({ size }) => shortSide(size) >= (of.leastShortSide ?? 0));
  const allowed = tallEnough.length > 0 ? tallEnough : curves.slice(-1);
  const values = allowed.map(({ size, at }) => ({ size, ...at(of.kbps, of.fps) }));
  // A size that cannot do with so little is no choice, unless none can.
  const affordable = values.filter(({ kbps }) => kbps <= of.kbps * OVERSPENT_RATIO);
  const eligible = affordable.length > 0 ? affordable : values.slice(0, 1);
  const best = Math.max(...eligible.map((value) => seenBy(of.shares, value)));
  const chosen = eligible.find((value) => seenBy(of.shares, value) >= best - SAME_POINTS);
  if (!chosen) throw new RangeError('curves: expected at least 1 (got 0)');
  return chosen;
}

const OVERSPENT_RATIO = 1.05;

/** The curves of sizes that show something a smaller one cannot, on any screen, for as much as `mostKbps`. */
export function sizesThatMatter(
  curves: readonly RateQualityCurve[],
  mostKbps: number,
  fps: number,
): readonly RateQualityCurve[] {
  const values = curves.map(({ at }) => at(mostKbps, fps));
  const addsTo = (larger: CurveValue, smaller: CurveValue): number =>
    Math.max(larger.phone - smaller.phone, larger.desktop - smaller.desktop);
  const enough = values.findIndex((value, index) =>
    values.slice(index + 1).every((larger) => addsTo(larger, value) < RESOLUTION_MATTERS_POINTS),
  );
  return enough === -1 ? curves : curves.slice(0, enough + 1);
}
