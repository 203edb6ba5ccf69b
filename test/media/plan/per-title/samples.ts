import fc from 'fast-check';
import type { QualitySample, TitleAnalysis } from '../../../../src/media/plan/per-title/title-analysis.ts';

/** Samples as x264 gives them: halved bitrate every 5.5 CRF, sizes that lose what they do not have. */
export function modelSamples(
  title: { kbpsAt23: number; detail: number },
  sides: readonly number[] = [480, 320, 214],
): QualitySample[] {
  const top = Math.max(...sides);
  return sides.flatMap((height) =>
    [17, 23, 29, 38].map((crf) => {
      const scale = height / top;
      const lost = (1 - scale) * title.detail;
      const desktop = Math.max(1, 110 - 1.84 * (crf - 10) - lost);
      return {
        width: Math.round((height * 16) / 9 / 2) * 2,
        height,
        fps: 30,
        crf,
        kbps: title.kbpsAt23 * scale ** 1.6 * 2 ** ((23 - crf) / 5.5),
        // A small screen misses less of what a small size lacks.
        phone: Math.min(100, desktop + 4 + lost * 0.7),
        desktop: Math.min(100, desktop),
      };
    }),
  );
}

export const analysisOf = (samples: QualitySample[]): TitleAnalysis => ({
  version: 1,
  metric: 'ssim',
  windows: [{ startSeconds: 0, seconds: 2, weight: 1 }],
  samples,
  remuxKbps: null,
});

/** Titles between a still and a football match. */
export const titles = fc.record({
  kbpsAt23: fc.double({ min: 30, max: 5000, noNaN: true }),
  detail: fc.double({ min: 0, max: 80, noNaN: true }),
});
