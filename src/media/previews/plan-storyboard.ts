import { type FrameSize, fitShortSide } from '../plan/rung-geometry.ts';

/** Which keyframes a storyboard is made of, and how they lie on its sprites. */
export type StoryboardPlan = {
  columns: number;
  rows: number;
  tile: FrameSize;
  intervalMs: number;
  /** Per tile the segment, counted from 0, whose leading keyframe it shows. */
  segments: number[];
};

const GRID = 5;
/** A tile for every keyframe of ten minutes; longer videos have them further apart, and still a dozen sprites. */
const MOST_TILES = 300;
const TILE_SHORT_SIDE = 90;
/** Segments add up to their beginnings, and microseconds were rounded. */
const SAME_INSTANT_MS = 5;

/** A tile per keyframe of a track, or per so many that there are never too many. */
export function planStoryboard(track: FrameSize & { segments: readonly { durationMs: number }[] }): StoryboardPlan {
  const { segments } = track;
  const starts: number[] = [];
  let durationMs = 0;
  for (const segment of segments) {
    starts.push(durationMs);
    durationMs += segment.durationMs;
  }
  const longestMs = Math.max(...segments.map((segment) => segment.durationMs));
  // No shorter than the longest segment, so that no two tiles are of one segment.
  const intervalMs = longestMs * Math.ceil(durationMs / longestMs / MOST_TILES);
  const count = Math.max(1, Math.ceil((durationMs - SAME_INSTANT_MS) / intervalMs));
  const shown: number[] = [];
  for (let index = 0, segment = 0; index < count; index += 1) {
    while ((starts[segment + 1] ?? Number.POSITIVE_INFINITY) <= index * intervalMs + SAME_INSTANT_MS) segment += 1;
    shown.push(segment);
  }
  const columns = Math.min(GRID, count);
  const rows = Math.min(GRID, Math.ceil(count / columns));
  return { columns, rows, tile: fitShortSide(track, TILE_SHORT_SIDE), intervalMs, segments: shown };
}
