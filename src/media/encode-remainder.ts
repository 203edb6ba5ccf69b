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

/**
 * Encodes the planned renditions that are not finished yet in one ffmpeg, then publishes each as a whole. Resolves to all of
 * them, in the order planned. Throws `FfmpegError`, or `unreadable-output` when a rendition came out empty.
 */
export async function encodeRemainder(
  room: MediaRoom,
  source: EncodeSource,
  planned: readonly PlannedRendition[],
  options: { signal: AbortSignal; complexityScale: number; onProgress?: (seconds: number) => void },
): Promise<StoredRendition[]> {
  const done = await Promise.all(planned.map(({ id }) => readDone(room.store, source.assetId, id)));
  const missing = planned.filter((_, index) => !done[index]?.rendition);
  const made = missing.length === 0 ? [] : await encode(room, source, missing, options);
  const all = [...done.flatMap((track) => track?.rendition ?? []), ...made];
  return planned.flatMap(({ id }) => all.find((rendition) => rendition.id === id) ?? []);
}

function encode(
  room: MediaRoom,
  source: EncodeSource,
  missing: readonly PlannedRendition[],
  options: { signal: AbortSignal; complexityScale: number; onProgress?: (seconds: number) => void },
): Promise<StoredRendition[]> {
  return withWorkDirectory(room.workRoot, `${source.assetId}.remainder`, async (directory) => {
    await room.ffmpeg.run(remainderJob(source.input, missing), { ...options, directory });
    const made: StoredRendition[] = [];
    for (const planned of missing) {
      made.push(await publish(room, source.assetId, planned, join(directory, planned.id), options.complexityScale));
    }
    return made;
  });
}

async function publish(
  { store }: MediaRoom,
  assetId: string,
  planned: PlannedRendition,
  directory: string,
  complexityScale: number,
): Promise<StoredRendition> {
  // Two workers may have done the same job, one of them believed dead: the first to finish stands.
  const already = await readDone(store, assetId, planned.id);
  if (already?.rendition) return already.rendition;
  const track = await createTrackPublisher(store, directory, trackPrefix(assetId, planned.id)).finish();
  if (!track) throw new MediaError('unreadable-output', `${planned.id} of ${assetId} has no segment`);
  const rendition = describeRendition(planned, track, complexityScale);
  await markDone(store, assetId, { ...track, rendition });
  return rendition;
}
