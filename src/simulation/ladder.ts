export type LadderSegment = { durationMs: number; bytes: number };

/** One video rung as its playlists and segment sizes describe it. */
export type LadderRendition = {
  id: string;
  /** BANDWIDTH of the multivariant playlist, kbit/s. */
  bitrateKbps: number;
  /** AVERAGE-BANDWIDTH; `bitrateKbps` when the playlist has none. */
  averageKbps?: number;
  segments: readonly LadderSegment[];
};

/** What a view is offered, in the order of the multivariant playlist. */
export type Ladder = { renditions: readonly LadderRendition[]; audio?: { segments: readonly LadderSegment[] } };

/** What to fetch next: the segment, and how much of it lies after what is buffered already. */
export type NextSegment = LadderSegment & { newMs: number; endsTitle: boolean };

/** Playlists round durations; two segment ends closer than this are the same keyframe. */
const SAME_END_MS = 100;

/**
 * The segment of a rendition that continues from `positionMs` of the title; renditions may be cut at different places, so
 * a part of it may be buffered already. Past the end the title begins again. Throws RangeError without segments.
 */
export function segmentFrom(segments: readonly LadderSegment[], positionMs: number): NextSegment {
  let endMs = 0;
  for (const [index, segment] of segments.entries()) {
    endMs += segment.durationMs;
    if (endMs > positionMs + SAME_END_MS) {
      return { ...segment, newMs: endMs - positionMs, endsTitle: index === segments.length - 1 };
    }
  }
  const first = segments[0];
  if (!first) throw new RangeError('a rendition must have at least one segment');
  return { ...first, newMs: first.durationMs, endsTitle: segments.length === 1 };
}
