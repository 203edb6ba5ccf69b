import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assetPrefix } from './asset-store.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { POSTER_FILE, posterJob, posterSeconds } from './plan/poster-job.ts';
import { withWorkDirectory } from './work-directory.ts';

/** Puts `poster.webp` beside the asset's document and resolves to that name. Throws `FfmpegError`, `unreadable-output`. */
export function makePoster(room: MediaRoom, source: EncodeSource, signal: AbortSignal): Promise<string> {
  return withWorkDirectory(room.workRoot, `${source.assetId}.poster`, async (directory) => {
    const file = join(directory, POSTER_FILE);
    // The beginning is for containers that cannot seek.
    for (const startSeconds of [posterSeconds(source.input.details.durationMs), 0]) {
      await room.ffmpeg.run(posterJob(source.input, startSeconds), { signal, directory });
      if (!(await hasBytes(file))) continue;
      await room.store.putFile(`${assetPrefix(source.assetId)}/${POSTER_FILE}`, file);
      return POSTER_FILE;
    }
    throw new MediaError('unreadable-output', `no frame of ${source.assetId} could be made a poster`);
  });
}

async function hasBytes(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size > 0;
  } catch {
    return false;
  }
}
