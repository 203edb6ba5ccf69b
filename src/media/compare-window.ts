import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { type QualityWindow, qualityJob } from './plan/quality-job.ts';
import { comparisonFile, type Display, qualityMetric, readComparison } from './plan/quality-metric.ts';

/** How alike an encode and its source are on both displays: SSIM of luma, 0..1, or VMAF, 0..100. */
export type Likeness = { phone: number; desktop: number };

/**
 * Encodes of one window, files in `run.directory`, against the normalised source; null when the source showed nothing there.
 * Throws `FfmpegError`.
 */
export async function compareWindow(
  room: Pick<MediaRoom, 'ffmpeg'>,
  source: EncodeSource,
  window: QualityWindow,
  files: readonly { path: string; fps: number }[],
  run: { signal: AbortSignal; directory: string },
): Promise<Likeness[] | null> {
  await room.ffmpeg.run(qualityJob(source.input, window, files), run);
  const metric = qualityMetric(source.input.capabilities);
  const read = async (index: number, display: Display): Promise<number | null> =>
    readComparison(metric, await readFile(join(run.directory, comparisonFile(index, display)), 'utf8'));
  const rows: Likeness[] = [];
  for (const index of files.keys()) {
    const phone = await read(index, 'phone');
    const desktop = await read(index, 'desktop');
    if (phone === null || desktop === null) return null;
    rows.push({ phone, desktop });
  }
  return rows;
}
