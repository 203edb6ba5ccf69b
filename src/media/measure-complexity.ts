import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import {
  COMPLEXITY_FILE,
  complexityJob,
  complexityScale,
  complexitySize,
  complexityWindows,
  openingWindow,
} from './plan/complexity.ts';
import type { SourceWindow } from './plan/ffmpeg-job.ts';
import { withWorkDirectory } from './work-directory.ts';

/** Bitrate this content needs relative to reference content, 0.35..2, from two short windows. Throws `FfmpegError`. */
export async function measureComplexity(room: MediaRoom, source: EncodeSource, signal: AbortSignal): Promise<number> {
  const { details } = source.input;
  const windows = complexityWindows(details.durationMs);
  let measured = { windows, bytes: await encodedBytes(room, source, windows, signal) };
  if (measured.bytes === 0) {
    measured = { windows: [...openingWindow], bytes: await encodedBytes(room, source, openingWindow, signal) };
  }
  const seconds = measured.windows.reduce((sum, window) => sum + window.seconds, 0);
  return complexityScale({
    bytes: measured.bytes,
    seconds: Math.min(seconds, details.durationMs / 1000),
    size: complexitySize(details.source),
    fps: details.source.fps,
  });
}

function encodedBytes(
  room: MediaRoom,
  source: EncodeSource,
  windows: readonly SourceWindow[],
  signal: AbortSignal,
): Promise<number> {
  return withWorkDirectory(room.workRoot, `${source.assetId}.complexity`, async (directory) => {
    await room.ffmpeg.run(complexityJob(source.input, windows), { signal, directory });
    return (await stat(join(directory, COMPLEXITY_FILE))).size;
  });
}
