import type { Rng } from '../domain/index.ts';
import { drawLognormal } from './random-draws.ts';
import { createTitle, type MeasuredRung, type Title } from './rate-quality.ts';

const BITRATES_KBPS = [235, 375, 560, 750, 1050, 1750, 2350, 3000, 4300];
const CHUNK_MS = 4000;
const CHUNKS = 60;
/** Half quality on a desktop at this bitrate, for median content; phones need less, 4K screens more. */
const HALF_QUALITY_KBPS = { phone: 270, desktop: 420, tv: 700 } as const;
const STEEPNESS = 1.35;
const TITLE_SIGMA = 0.45;
const CHUNK_SIGMA = 0.25;

/** A made-up title shaped like measured ones: quality is logistic in log-bitrate, titles and chunks differ in difficulty. */
export function generateTitle(name: string, rng: Rng): Title {
  const difficulty = drawLognormal(rng, 1, TITLE_SIGMA);
  const chunks = Array.from({ length: CHUNKS }, () => drawLognormal(rng, 1, CHUNK_SIGMA));
  const mean = chunks.reduce((sum, weight) => sum + weight, 0) / CHUNKS;
  const rungs = BITRATES_KBPS.map((kbps): MeasuredRung => {
    const quality = (halfKbps: number): number[] =>
      chunks.map((weight) => 100 / (1 + ((halfKbps * difficulty * weight) / (kbps * mean)) ** STEEPNESS));
    return {
      averageKbps: kbps,
      chunkBytes: chunks.map((weight) => Math.round(((weight / mean) * kbps * CHUNK_MS) / 8)),
      quality: {
        phone: quality(HALF_QUALITY_KBPS.phone),
        desktop: quality(HALF_QUALITY_KBPS.desktop),
        tv: quality(HALF_QUALITY_KBPS.tv),
      },
    };
  });
  return createTitle(name, CHUNK_MS, rungs);
}
