import type { AudioTrack, StoredRendition } from '../domain/asset.ts';
import { targetSeconds } from './media-playlist.ts';
import { AUDIO } from './plan/encoder-settings.ts';
import type { PlannedRendition } from './plan/plan-renditions.ts';
import { guessQuality } from './plan/quality.ts';
import { readVideoCodec } from './read-codecs.ts';
import type { PublishedSegment } from './track-publisher.ts';

type Track = { init: Buffer; segments: readonly PublishedSegment[] };

/** A rendition as its real segments are, so far; quality is a guess until SSIM has been measured. */
export function describeRendition(planned: PlannedRendition, track: Track, complexityScale: number): StoredRendition {
  const { averageKbps, peakKbps, bytes } = measureTrack(track);
  const iframes = measureIframes(track.segments);
  return {
    id: planned.id,
    ...planned.size,
    fps: Number(planned.fps.toFixed(6)),
    codec: planned.codec ?? 'h264',
    bitrateKbps: averageKbps,
    peakKbps,
    bytes,
    quality: planned.predictedQuality ?? guessQuality(averageKbps, complexityScale),
    targetKbps: planned.targetKbps,
    ...(planned.crf === undefined ? {} : { crf: planned.crf }),
    ...(planned.isCopy === undefined ? {} : { isCopy: planned.isCopy }),
    ...(planned.preset === undefined ? {} : { preset: planned.preset }),
    codecs: readVideoCodec(track.init),
    qualityMeasured: false,
    segments: track.segments.map((segment) => ({ durationMs: segment.durationMs, bytes: segment.bytes })),
    ...(iframes ? { iframes } : {}),
  };
}

/** The shared audio track as its real segments are, so far. */
export function describeAudio(id: string, channels: number, track: Track): AudioTrack {
  const { averageKbps, peakKbps, bytes } = measureTrack(track);
  return { id, codecs: AUDIO.codecs, channels: Math.min(2, channels), bitrateKbps: averageKbps, peakKbps, bytes };
}

function measureTrack({ init, segments }: Track): { averageKbps: number; peakKbps: number; bytes: number } {
  const mediaBytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const { averageKbps, peakKbps } = measureRates(segments);
  return { averageKbps, peakKbps, bytes: init.length + mediaBytes };
}

/** A range of segments counts towards the peak when it lasts this many target durations (RFC 8216, section 4.1). */
const PEAK_RANGE = { least: 0.5, most: 1.5 };

/** Average and peak segment bit rate as HLS defines them: a short last segment counts with its neighbour, not alone. */
function measureRates(segments: readonly { durationMs: number; bytes: number }[]): {
  averageKbps: number;
  peakKbps: number;
} {
  const targetMs = targetSeconds(segments) * 1000;
  let [peakKbps, allBytes, allMs] = [0, 0, 0];
  segments.forEach((segment, first) => {
    allBytes += segment.bytes;
    allMs += segment.durationMs;
    let [bytes, ms] = [0, 0];
    for (let last = first; last < segments.length; last += 1) {
      bytes += segments[last]?.bytes ?? 0;
      ms += segments[last]?.durationMs ?? 0;
      if (ms > targetMs * PEAK_RANGE.most) break;
      if (ms >= targetMs * PEAK_RANGE.least) peakKbps = Math.max(peakKbps, kbps(bytes, ms));
    }
  });
  const averageKbps = kbps(allBytes, allMs);
  return { averageKbps, peakKbps: Math.max(averageKbps, peakKbps) };
}

/** Of the keyframes alone, each shown for as long as its segment; null unless every segment begins with one. */
function measureIframes(segments: readonly PublishedSegment[]): { bitrateKbps: number; peakKbps: number } | null {
  const alone = segments.flatMap(({ durationMs, keyframe }) =>
    keyframe ? [{ durationMs, bytes: keyframe.bytes }] : [],
  );
  if (alone.length < segments.length) return null;
  const { averageKbps, peakKbps } = measureRates(alone);
  return { bitrateKbps: averageKbps, peakKbps };
}

/** Bits per millisecond are kilobits per second. */
const kbps = (bytes: number, durationMs: number): number =>
  Math.max(0.1, Number(((bytes * 8) / durationMs).toFixed(1)));
