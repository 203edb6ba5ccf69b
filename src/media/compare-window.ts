import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { meanSsim, type QualityWindow, qualityJob, ssimFile } from './plan/quality-job.ts';

/** How alike an encode and its source are at both display sizes, SSIM of luma, 0..1. */
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
  const rows: Likeness[] = [];
  for (const index of files.keys()) {
    const phone = await readSsim(run.directory, ssimFile(index, 'phone'));
    const desktop = await readSsim(run.directory, ssimFile(index, 'desktop'));
    if (phone === null || desktop === null) return null;
    rows.push({ phone, desktop });
  }
  return rows;
}

const readSsim = async (directory: string, file: string): Promise<number | null> =>
  meanSsim(await readFile(join(directory, file), 'utf8'));
