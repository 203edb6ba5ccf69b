import type { QualityWindow } from '../quality-job.ts';

/** A window and the share of the title it stands for; shares sum to 1. */
export type AnalysisWindow = QualityWindow & { weight: number };

/** More windows tell more about a title and cost more: by the number of segments it has. Even two segments can be unlike each other. */
const WINDOWS_BY_SEGMENTS: readonly { upTo: number; windows: number }[] = [
  { upTo: 1, windows: 1 },
  { upTo: 7, windows: 2 },
  { upTo: Number.POSITIVE_INFINITY, windows: 3 },
];

/** A short last segment is mostly keyframe: its rate says nothing about the others. */
const WHOLE_SHARE = 0.9;

/**
 * The segments that are sampled, in order of time: all segments of the usual length, ranked by what they take by themselves
 * (`bytes`, in the source if that is known), in equal parts from easy to hard, and the middle one of each part. A sample by time
 * alone would miss the hard minute of an easy film.
 */
export function analysisWindows(segments: readonly { durationMs: number; bytes: number }[]): AnalysisWindow[] {
  let startMs = 0;
  const all = segments.map(({ durationMs, bytes }, segmentIndex) => {
    const window = {
      segmentIndex,
      startSeconds: startMs / 1000,
      seconds: durationMs / 1000,
      bytesPerMs: bytes / durationMs,
    };
    startMs += durationMs;
    return window;
  });
  const longest = Math.max(...all.map(({ seconds }) => seconds));
  const ranked = all
    .filter(({ seconds }) => seconds >= longest * WHOLE_SHARE)
    .sort((a, b) => a.bytesPerMs - b.bytesPerMs);
  const count = WINDOWS_BY_SEGMENTS.find(({ upTo }) => ranked.length <= upTo)?.windows ?? 1;
  const chosen = Array.from({ length: Math.min(count, ranked.length) }, (_, part) => {
    const middle = ranked[Math.floor(((part + 0.5) * ranked.length) / count)];
    if (!middle) throw new RangeError('segments: expected a middle one in every part');
    const { segmentIndex, startSeconds, seconds } = middle;
    return { segmentIndex, startSeconds, seconds, weight: 1 / count };
  });
  return chosen.sort((a, b) => a.segmentIndex - b.segmentIndex);
}

/** Containers that count milliseconds round a frame's time down. */
const ROUNDING_MS = 1;

/** Bytes of packets (any order, any origin) by the segment they are shown in; one up to `earlyMs` before a segment is of it. */
export function bytesBySegment(
  packets: readonly { pts_time: number; size: number }[],
  segments: readonly { durationMs: number }[],
  earlyMs = ROUNDING_MS,
): number[] {
  const startMs = 1000 * packets.reduce((least, { pts_time }) => Math.min(least, pts_time), Number.POSITIVE_INFINITY);
  let endMs = startMs;
  const ends = segments.map(({ durationMs }) => (endMs += durationMs));
  const bytes = segments.map(() => 0);
  for (const { pts_time, size } of packets) {
    const index = firstAbove(ends, pts_time * 1000 + earlyMs);
    bytes[index] = (bytes[index] ?? 0) + size;
  }
  return bytes.slice(0, segments.length);
}

/** Index of the first of rising `values` above `value`; their number when none is. */
function firstAbove(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
