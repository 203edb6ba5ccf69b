import { createHash } from 'node:crypto';

/** Neighbouring segments that are encoded together, apart from the rest of their source; the same on every rung. */
export type Chunk = { index: number; firstSegment: number; segmentCount: number };

/** Output frames at the source's rate, counted from 0; `end` is the first that is left out, null where the source ends. */
export type FrameRange = { start: number; end: number | null };

/** Shorter sources are done before a second worker would have found its chunk. */
const SHORTEST_CHUNKED_SECONDS = 120;
/** Every chunk opens the source, seeks, and decodes up to a keyframe's distance twice: a minute makes that vanish, and bounds what a crash costs. */
const CHUNK_SECONDS = 45;

/**
 * How a source is cut, by the segments its first rung came out with: into stretches of 30 to 60 s that differ by one segment
 * at most. Empty when it is too short to cut, or its segments are not groups of pictures by the clock.
 */
export function planChunks(segments: readonly { durationMs: number }[], gopSeconds: number): Chunk[] {
  const seconds = segments.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  if (seconds < SHORTEST_CHUNKED_SECONDS || !segments.slice(0, -1).every(isGop)) return [];
  const count = Math.round(seconds / CHUNK_SECONDS);
  const boundary = (index: number): number => Math.round((index * segments.length) / count);
  return Array.from({ length: count }, (_, index) => ({
    index,
    firstSegment: boundary(index),
    segmentCount: boundary(index + 1) - boundary(index),
  }));

  function isGop({ durationMs }: { durationMs: number }): boolean {
    return Math.abs(durationMs / 1000 - gopSeconds) < 1e-3;
  }
}

/** The output frames of a chunk; the last one takes whatever the source still has. */
export function chunkFrames(chunk: Chunk, totalSegments: number, gopFrames: number): FrameRange {
  const next = chunk.firstSegment + chunk.segmentCount;
  return { start: chunk.firstSegment * gopFrames, end: next === totalSegments ? null : next * gopFrames };
}

/** Names what is to be made and how it is cut: another ladder or another cut is another plan. */
export function chunkPlanId(renditionIds: readonly string[], chunks: readonly Chunk[]): string {
  const parts = [[...renditionIds].sort(), chunks.map(({ firstSegment }) => firstSegment)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}
