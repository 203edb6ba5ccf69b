import { join } from 'node:path';
import { markDone, readDone, trackPrefix } from './finished-tracks.ts';
import { describeRendition } from './measure-tracks.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { mayBeRemuxed, remuxableKbps, remuxProbeSchema } from './plan/per-title/remux-gate.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import { remuxJob } from './plan/remux-job.ts';
import { createTrackPublisher } from './track-publisher.ts';
import { withWorkDirectory } from './work-directory.ts';

type Aligned = { segments: readonly { durationMs: number }[] };

const FIELDS =
  'format=start_time:stream=width,height,pix_fmt,profile,sample_aspect_ratio,color_range:packet=pts_time,size,flags';

/** Average of the source's picture when it can be served beside `first` as it is, kbit/s; otherwise null. */
export async function measureRemux(
  room: Pick<MediaRoom, 'ffmpeg'>,
  { input }: EncodeSource,
  first: Aligned,
  signal: AbortSignal,
): Promise<number | null> {
  const { details } = input;
  if (!mayBeRemuxed(details)) return null;
  const stream = ['-select_streams', String(details.video.streamIndex)];
  const { json } = await room.ffmpeg.probe(
    input.path,
    ['-show_format', '-show_streams', '-show_packets', '-show_entries', FIELDS, ...stream],
    signal,
  );
  const probe = remuxProbeSchema.safeParse(json);
  return probe.success ? remuxableKbps(probe.data, details, segmentStarts(first)) : null;
}

function segmentStarts({ segments }: Aligned): number[] {
  let startMs = 0;
  return segments.map(({ durationMs }) => {
    const start = startMs / 1000;
    startMs += durationMs;
    return start;
  });
}

/**
 * The source's own picture as a rendition, copied into segments; false when they do not begin where those of `first` do. A finished
 * one is not made again. Throws `FfmpegError`.
 */
export async function remuxRendition(
  room: MediaRoom,
  source: EncodeSource,
  planned: PlannedRendition,
  of: { first: Aligned; complexityScale: number; signal: AbortSignal },
): Promise<boolean> {
  const { store } = room;
  if ((await readDone(store, source.assetId, planned.id))?.rendition) return true;
  return withWorkDirectory(room.workRoot, `${source.assetId}.remux`, async (directory) => {
    await room.ffmpeg.run(remuxJob(source.input, planned), { signal: of.signal, directory });
    const prefix = trackPrefix(source.assetId, planned.id);
    const track = await createTrackPublisher(store, join(directory, planned.id), prefix).finish();
    const frameMs = 1000 / planned.fps;
    if (!track || !areAligned(track, of.first, frameMs)) {
      await store.remove(prefix);
      return false;
    }
    await markDone(store, source.assetId, {
      ...track,
      rendition: describeRendition(planned, track, of.complexityScale),
    });
    return true;
  });
}

function areAligned(copied: Aligned, first: Aligned, frameMs: number): boolean {
  const [ours, theirs] = [segmentStarts(copied), segmentStarts(first)];
  return (
    ours.length === theirs.length &&
    ours.every((start, index) => Math.abs(start - (theirs[index] ?? Number.NaN)) * 1000 < frameMs)
  );
}
