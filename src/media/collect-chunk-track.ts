import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChunkMarker, ChunkPlan } from './chunk-documents.ts';
import { findLeadingKeyframe } from './leading-keyframe.ts';
import { MediaError } from './media-error.ts';
import { parseMediaPlaylist } from './media-playlist.ts';
import type { Chunk } from './plan/chunks.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import { delaySegment, readSegmentClock, readTimescale } from './segment-clock.ts';

/** A source ends between two frames of a slower rung; the first one may have a quarter of this one's rate. */
const END_TOLERANCE_FRAMES = 4;

/** One rendition's part of a chunk, as a marker tells it, with what has to match across chunks. */
export type CollectedTrack = ChunkMarker['tracks'][number] & { init: Buffer };

/**
 * Checks what ffmpeg wrote in `directory` for one rendition against the whole, frame by frame, and moves its segments from the
 * chunk's clock to that of the whole, in place. Throws `unreadable-output` when a picture is missing or too many.
 */
export async function collectChunkTrack(
  directory: string,
  planned: PlannedRendition,
  chunk: Chunk,
  plan: Pick<ChunkPlan, 'segmentMs'>,
): Promise<CollectedTrack> {
  const init = await readFile(join(directory, 'init.mp4')).catch(() => Buffer.alloc(0));
  const listed = parseMediaPlaylist(await readFile(join(directory, 'index.m3u8'), 'utf8').catch(() => '')).segments;
  expectEqual('segments', listed.length, chunk.segmentCount);
  const ticksPerFrame = Math.round(readTimescale(init) / planned.fps);
  const framesPerSegment = Math.round(planned.gopSeconds * planned.fps);
  const startTicks = (segments: number): bigint => BigInt(segments * framesPerSegment) * BigInt(ticksPerFrame);
  const hash = createHash('sha256');
  const segments: CollectedTrack['segments'] = [];
  for (const [offset, { uri, durationMs }] of listed.entries()) {
    const bytes = await readFile(join(directory, uri));
    const clock = readSegmentClock(bytes);
    const index = chunk.firstSegment + offset;
    const isLast = index === plan.segmentMs.length - 1;
    const frames = isLast ? ((plan.segmentMs[index] ?? 0) / 1000) * planned.fps : framesPerSegment;
    expectEqual(`start of segment ${index}`, Number(clock.startTicks), Number(startTicks(offset)));
    expectEqual(`frames of segment ${index}`, clock.frames, frames, isLast ? END_TOLERANCE_FRAMES : 0);
    delaySegment(bytes, startTicks(chunk.firstSegment));
    hash.update(bytes);
    await writeFile(join(directory, uri), bytes);
    segments.push({ durationMs, bytes: bytes.length, keyframe: findLeadingKeyframe(bytes) });
  }
  return { id: planned.id, init, sha256: hash.digest('hex'), segments };

  function expectEqual(what: string, found: number, expected: number, tolerance = 0): void {
    if (Math.abs(found - expected) <= tolerance + 1e-3) return;
    throw new MediaError(
      'unreadable-output',
      `chunk ${chunk.index}, ${planned.id}: expected ${expected} ${what} (got ${found})`,
    );
  }
}
