import type { AudioTrack, StoredRendition } from '../domain/asset.ts';
import { AUDIO } from './plan/encoder-settings.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import { guessQuality } from './plan/quality.ts';
import { readAvcCodec } from './read-codecs.ts';
import type { PublishedSegment } from './track-publisher.ts';

type Track = { init: Buffer; segments: readonly PublishedSegment[] };

/** A short last segment is all keyframe: its rate says nothing about what a player must sustain. */
const PEAK_LEAST_SHARE = 0.5;

/** A rendition as its real segments are, so far; quality is a guess until SSIM has been measured. */
export function describeRendition(planned: PlannedRendition, track: Track, complexityScale: number): StoredRendition {
  const { averageKbps, peakKbps, bytes } = measureTrack(track);
  return {
    id: planned.id,
    ...planned.size,
    fps: Number(planned.fps.toFixed(6)),
    codec: 'h264',
    bitrateKbps: averageKbps,
    peakKbps,
    bytes,
    quality: guessQuality(averageKbps, complexityScale),
    targetKbps: planned.targetKbps,
    codecs: readAvcCodec(track.init),
    qualityMeasured: false,
    segments: track.segments.map((segment) => ({ durationMs: segment.durationMs, bytes: segment.bytes })),
  };
}

/** The shared audio track as its real segments are, so far. */
export function describeAudio(id: string, channels: number, track: Track): AudioTrack {
  const { averageKbps, bytes } = measureTrack(track);
  return { id, codecs: AUDIO.codecs, channels: Math.min(2, channels), bitrateKbps: averageKbps, bytes };
}

function measureTrack({ init, segments }: Track): { averageKbps: number; peakKbps: number; bytes: number } {
  const mediaBytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const durationMs = segments.reduce((sum, segment) => sum + segment.durationMs, 0);
  const longestMs = Math.max(...segments.map((segment) => segment.durationMs));
  const rates = segments
    .filter((segment) => segment.durationMs >= longestMs * PEAK_LEAST_SHARE)
    .map((segment) => kbps(segment.bytes, segment.durationMs));
  const averageKbps = kbps(mediaBytes, durationMs);
  return { averageKbps, peakKbps: Math.max(averageKbps, ...rates), bytes: init.length + mediaBytes };
}

/** Bits per millisecond are kilobits per second. */
const kbps = (bytes: number, durationMs: number): number =>
  Math.max(0.1, Number(((bytes * 8) / durationMs).toFixed(1)));
