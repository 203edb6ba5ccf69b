import type { LadderRung } from '../../../domain/arm.ts';
import { type Quality, qualitySchema } from '../../../domain/asset.ts';
import { targetKbps } from '../plan-renditions.ts';
import { qualityOnDevices } from '../quality.ts';
import { type FrameSize, shortSide } from '../rung-geometry.ts';
import { type HullPoint, hullAt, type ScreenShares, sizesThatMatter } from './quality-hull.ts';
import type { RateQualityCurve } from './rate-quality-curve.ts';

/** Points that half of people see as a difference, on VMAF's scale (Ozer; Netflix' toolkit says 6 as well). */
export const JUST_NOTICEABLE_POINTS = 6;

/** Nobody sees more than this. */
export const TRANSPARENT_POINTS = 95;

/** A rung may take this much less than asked where more shows nothing: as far as arms look for their rungs. */
const LEAST_SHARE_OF_TARGET = 1 / 1.35;

/** A rung of the plan as it suits this title. */
export type TitleRung = {
  rung: LadderRung;
  size: FrameSize;
  /** Nominal × scale: what arms look for. */
  targetKbps: number;
  crf: number;
  /** What it should take and show. */
  predictedKbps: number;
  predictedQuality: Quality;
};

/** What a title is, beside its curves: bitrate scale, audience, frame rate of a rung. */
type Title = { scale: number; shares: ScreenShares; fpsOf: (rung: LadderRung) => number };

/** Why a rung of the plan is not made, in the order of the plan. */
export type LeftOut = { targetKbps: number; why: 'not-noticeable' | 'transparent-below' };

/**
 * The plan's rungs on this title: each at the size that shows this audience most for its bitrate, none that would show less than
 * a just-noticeable difference more than the one below it on every device, none above the first that is transparent on all, unless it
 * moves more smoothly. The lowest is always made. `rungs` by rising bitrate.
 */
export function chooseRungs(
  allCurves: readonly RateQualityCurve[],
  of: Title & { rungs: readonly LadderRung[] },
): { made: TitleRung[]; leftOut: LeftOut[] } {
  const top = of.rungs.at(-1);
  if (!top) return { made: [], leftOut: [] };
  const curves = sizesThatMatter(allCurves, top.bitrateKbps * of.scale, of.fpsOf(top));
  const made: TitleRung[] = [];
  const leftOut: LeftOut[] = [];
  for (const rung of of.rungs) {
    const below = made.at(-1);
    const candidate = rungAt(curves, rung, of, below);
    const why = below && reasonAgainst(candidate, below, of.fpsOf);
    if (why) leftOut.push({ targetKbps: candidate.targetKbps, why });
    else made.push(candidate);
  }
  return { made, leftOut };
}

function reasonAgainst(candidate: TitleRung, below: TitleRung, fpsOf: Title['fpsOf']): LeftOut['why'] | undefined {
  // Pictures alone are judged: smoother motion is seen as well.
  if (fpsOf(candidate.rung) > fpsOf(below.rung)) return undefined;
  if (devices.every((device) => below.predictedQuality[device] >= TRANSPARENT_POINTS)) return 'transparent-below';
  const gain = Math.max(
    ...devices.map((device) => candidate.predictedQuality[device] - below.predictedQuality[device]),
  );
  return gain < JUST_NOTICEABLE_POINTS ? 'not-noticeable' : undefined;
}

const devices = qualitySchema.keyof().options;

function rungAt(
  curves: readonly RateQualityCurve[],
  rung: LadderRung,
  of: Title,
  below: TitleRung | undefined,
): TitleRung {
  const shape = { fps: of.fpsOf(rung), shares: of.shares, leastShortSide: below ? shortSide(below.size) : 0 };
  const target = targetKbps(rung, of.scale);
  const point = noMoreThanTransparent(target, (kbps) => hullAt(curves, { kbps, ...shape }));
  return {
    rung,
    size: point.size,
    targetKbps: target,
    crf: Number(point.crf.toFixed(2)),
    predictedKbps: Number(point.kbps.toFixed(1)),
    predictedQuality: qualityOnDevices(point),
  };
}

const SHARES_TRIED = [0, 0.25, 0.5, 0.75, 1] as const;

/** The cheapest point within reach of the target that is still transparent everywhere, or the target itself. */
function noMoreThanTransparent(targetKbps: number, at: (kbps: number) => HullPoint): HullPoint {
  const tried = SHARES_TRIED.map((share) => at(targetKbps * LEAST_SHARE_OF_TARGET ** (1 - share)));
  const isTransparent = (point: HullPoint): boolean =>
    devices.every((device) => qualityOnDevices(point)[device] >= TRANSPARENT_POINTS);
  return tried.find(isTransparent) ?? at(targetKbps);
}
