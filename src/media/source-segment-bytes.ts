import { z } from 'zod';
import { FfmpegError } from './ffmpeg-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { bytesBySegment } from './plan/per-title/analysis-windows.ts';

const packetsSchema = z.object({
  packets: z.array(z.object({ pts_time: z.coerce.number(), size: z.coerce.number() })).min(1),
});

/** Some two hours at 60 a second: the list of more is too long to look through for a hint. */
const MOST_PACKETS = 500_000;

/**
 * What the source's picture takes in each of `segments`, bytes; null where its packets do not say. Whoever made the source spent bits where
 * there was something to see; a first rung at a constant bitrate hardly does.
 */
export async function sourceSegmentBytes(
  room: Pick<MediaRoom, 'ffmpeg'>,
  { input }: EncodeSource,
  segments: readonly { durationMs: number }[],
  signal: AbortSignal,
): Promise<number[] | null> {
  const { details, path } = input;
  if ((details.durationMs / 1000) * details.source.fps > MOST_PACKETS) return null;
  const stream = ['-select_streams', String(details.video.streamIndex)];
  try {
    const { json } = await room.ffmpeg.probe(
      path,
      ['-show_packets', '-show_entries', 'packet=pts_time,size', ...stream],
      signal,
    );
    const probe = packetsSchema.safeParse(json);
    return probe.success ? bytesBySegment(probe.data.packets, segments) : null;
  } catch (error) {
    if (error instanceof FfmpegError && (error.code === 'exit' || error.code === 'timeout')) return null;
    throw error;
  }
}
