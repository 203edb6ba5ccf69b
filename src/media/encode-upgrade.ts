import { join } from 'node:path';
import type { StoredRendition } from '../domain/asset.ts';
import { markDone, readDone, trackPrefix } from './finished-tracks.ts';
import { describeRendition } from './measure-tracks.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import { remainderJob } from './plan/remainder-job.ts';
import { createTrackPublisher } from './track-publisher.ts';
import { withWorkDirectory } from './work-directory.ts';

/** Nobody waits for it, and it is the first to be slowed. */
const PATIENCE = 10;

/**
 * One rendition of an asset that plays already, in the background; a finished one is not made again. Throws `FfmpegError`, or
 * `unreadable-output` when nothing came out.
 */
export async function encodeUpgrade(
  room: MediaRoom,
  source: EncodeSource,
  planned: PlannedRendition,
  options: { signal: AbortSignal; complexityScale: number },
): Promise<StoredRendition> {
  const { store } = room;
  const done = await readDone(store, source.assetId, planned.id);
  if (done?.rendition) return done.rendition;
  return withWorkDirectory(room.workRoot, `${source.assetId}.upgrade`, async (directory) => {
    const job = remainderJob(source.input, [planned]);
    const unhurried = { ...job, name: 'upgrade', timeLimitSeconds: job.timeLimitSeconds * PATIENCE };
    await room.ffmpeg.run({ ...unhurried, jobClass: 'background' }, { signal: options.signal, directory });
    const prefix = trackPrefix(source.assetId, planned.id);
    const track = await createTrackPublisher(store, join(directory, planned.id), prefix).finish();
    if (!track) throw new MediaError('unreadable-output', `${planned.id} of ${source.assetId} has no segment`);
    const rendition = describeRendition(planned, track, options.complexityScale);
    await markDone(store, source.assetId, { ...track, rendition });
    return rendition;
  });
}
