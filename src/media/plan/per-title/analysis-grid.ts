import type { LadderRung } from '../../../domain/arm.ts';
import { rungFrameRate } from '../frame-rate.ts';
import { type FrameSize, fitShortSide, shortSide } from '../rung-geometry.ts';
import type { SourceDetails } from '../source-details.ts';

/** One encode of the analysis. */
export type Candidate = { size: FrameSize; fps: number; crf: number };

/** Each size is two thirds of the one above: 1080, 720, 480, 320; a step less costs under 3 % at the cross-overs between. */
const SIZE_STEP = 2 / 3;
const MAX_SIZES = 5;
const SMALLEST_SHORT_SIDE = 200;

/** Curves between are nearly straight. */
const CRFS = [20, 29] as const;
/** The largest size is what the highest rungs are made at, where nobody sees a difference: it is followed further up. */
const LARGEST_CRFS = [17, 23, 30] as const;
/** The smallest is what the lowest rungs are made at: it is followed further down. */
const SMALLEST_CRFS = [20, 29, 38] as const;

/** Sizes a title's rungs may have, largest first: never above the source or what the plan asks for. */
export function candidateSizes(source: FrameSize, rungs: readonly LadderRung[]): FrameSize[] {
  const largest = Math.min(shortSide(source), Math.max(...rungs.map(({ height }) => height)));
  const sides = Array.from({ length: MAX_SIZES }, (_, index) => largest * SIZE_STEP ** index);
  return sides
    .filter((side, index) => index === 0 || side >= SMALLEST_SHORT_SIDE)
    .map((side) => fitShortSide(source, Math.round(side)));
}

/** Everything that is encoded of every window: each size at the frame rate that the plan has near it. */
export function analysisGrid({ source }: Pick<SourceDetails, 'source'>, rungs: readonly LadderRung[]): Candidate[] {
  const sizes = candidateSizes(source, rungs);
  return sizes.flatMap((size, index) => {
    const fps = rungFrameRate(source.fps, nominalFps(shortSide(size), rungs));
    return crfsOf(index, sizes.length).map((crf) => ({ size, fps, crf }));
  });
}

function crfsOf(index: number, sizes: number): readonly number[] {
  if (sizes === 1) return [...LARGEST_CRFS, ...SMALLEST_CRFS.slice(-1)];
  if (index === 0) return LARGEST_CRFS;
  return index === sizes - 1 ? SMALLEST_CRFS : CRFS;
}

function nominalFps(side: number, rungs: readonly LadderRung[]): number {
  const distance = ({ height }: LadderRung): number => Math.abs(Math.log(height / side));
  return [...rungs].sort((a, b) => distance(a) - distance(b) || b.fps - a.fps)[0]?.fps ?? 30;
}
