import type { LadderRung } from '../../../domain/arm.ts';
import { rungFrameRate } from '../frame-rate.ts';
import { type FrameSize, fitShortSide, shortSide } from '../rung-geometry.ts';
import type { SourceDetails } from '../source-details.ts';

/** One encode of the analysis. */
export type Candidate = { size: FrameSize; fps: number; crf: number };

/**
 * Shares of the largest size: 1080, 720, 540, 360, 270. Simple fractions, because pixels then fall on the source's own every so often:
 * at equal bitrate half the size shows 1 to 2 points more than sizes a little above and below it.
 */
const SHARES = [1, 2 / 3, 1 / 2, 1 / 3, 1 / 4] as const;
const SMALLEST_SHORT_SIDE = 160;

/** From where nobody sees a difference to where a smaller size shows more; curves between are nearly straight. */
const CRFS = [18, 27, 36] as const;

/** Sizes a title's rungs may have, largest first: never above the source or what the plan asks for. */
export function candidateSizes(source: FrameSize, rungs: readonly LadderRung[]): FrameSize[] {
  const largest = Math.min(shortSide(source), Math.max(...rungs.map(({ height }) => height)));
  return SHARES.map((share) => Math.round(largest * share))
    .filter((side, index) => index === 0 || side >= SMALLEST_SHORT_SIDE)
    .map((side) => fitShortSide(source, side));
}

/** Everything that is encoded of every window: each size at the frame rate that the plan has near it. */
export function analysisGrid({ source }: Pick<SourceDetails, 'source'>, rungs: readonly LadderRung[]): Candidate[] {
  return candidateSizes(source, rungs).flatMap((size) => {
    const fps = rungFrameRate(source.fps, nominalFps(shortSide(size), rungs));
    return CRFS.map((crf) => ({ size, fps, crf }));
  });
}

function nominalFps(side: number, rungs: readonly LadderRung[]): number {
  const distance = ({ height }: LadderRung): number => Math.abs(Math.log(height / side));
  return [...rungs].sort((a, b) => distance(a) - distance(b) || b.fps - a.fps)[0]?.fps ?? 30;
}
