import { join } from 'node:path';
import { areChunksRefused, type ChunkMarker, type ChunkPlan, markChunk, readChunk } from './chunk-documents.ts';
import { type CollectedTrack, collectChunkTrack } from './collect-chunk-track.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import { segmentName, trackPrefix } from './finished-tracks.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import type { MediaStore } from './media-store.ts';
import { type Chunk, chunkFrames } from './plan/chunks.ts';
import { gopFrames } from './plan/frame-rate.ts';
import { remainderJob } from './plan/remainder-job.ts';
import { withWorkDirectory } from './work-directory.ts';

/** `misfit`: its pictures are not where the whole has them, so this source has to be encoded in one piece. */
export type ChunkOutcome = { kind: 'made' } | { kind: 'misfit'; reason: string };

/** One chunk of a plan. */
export type ChunkTask = { planId: string; plan: ChunkPlan; chunk: Chunk };

/**
 * Encodes a chunk for all renditions of its plan in one ffmpeg, checks it against the whole, and leaves the segments where they
 * will be played from, the marker last. What was done before is not done again. Throws `FfmpegError`.
 */
export async function encodeChunk(
  room: MediaRoom,
  source: EncodeSource,
  task: ChunkTask,
  signal: AbortSignal,
): Promise<ChunkOutcome> {
  if (await readChunk(room.store, source.assetId, task.planId, task.chunk)) return { kind: 'made' };
  try {
    await encode(room, source, task, signal);
    return { kind: 'made' };
  } catch (error) {
    if (error instanceof MediaError && error.code === 'unreadable-output') {
      return { kind: 'misfit', reason: error.message };
    }
    // Perhaps the seek's fault; in one piece it will be seen whether it is the file's.
    if (error instanceof FfmpegError && error.code === 'exit') return { kind: 'misfit', reason: error.stderrTail };
    throw error;
  }
}

function encode(
  { store, ffmpeg, workRoot }: MediaRoom,
  { assetId, input }: EncodeSource,
  { planId, plan, chunk }: ChunkTask,
  signal: AbortSignal,
): Promise<void> {
  const frames = chunkFrames(chunk, plan.segmentMs.length, gopFrames(input.details.source.fps));
  const job = remainderJob(input, plan.renditions, { frames, firstSegment: chunk.firstSegment });
  return withWorkDirectory(workRoot, `${assetId}.chunk-${chunk.index}`, async (directory) => {
    await ffmpeg.run(job, { signal, directory });
    const collected: CollectedTrack[] = [];
    for (const planned of plan.renditions) {
      collected.push(await collectChunkTrack(join(directory, planned.id), planned, chunk, plan));
    }
    // Two workers may have done the same chunk, one of them believed dead: the first to finish stands. Or another chunk did not
    // fit meanwhile, and files of the same names are being made in one piece.
    if ((await readChunk(store, assetId, planId, chunk)) || (await areChunksRefused(store, assetId))) return;
    const tracks: ChunkMarker['tracks'] = [];
    for (const { init, ...track } of collected) {
      const prefix = trackPrefix(assetId, track.id);
      await shareInit(store, prefix, init);
      for (const index of track.segments.keys()) {
        const name = segmentName(chunk.firstSegment + index);
        await store.putFile(`${prefix}/${name}`, join(directory, track.id, name));
      }
      tracks.push(track);
    }
    await markChunk(store, assetId, planId, chunk.index, { tracks });
  });
}

/** One init segment serves all chunks, so another encoder's does not fit. */
async function shareInit(store: MediaStore, prefix: string, init: Buffer): Promise<void> {
  const key = `${prefix}/init.mp4`;
  if (await store.createExclusive(key, init)) return;
  if ((await store.read(key))?.equals(init)) return;
  throw new MediaError('unreadable-output', `${key} must be the same for every chunk (another encoder made it?)`);
}
