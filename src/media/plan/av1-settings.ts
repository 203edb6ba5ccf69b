import type { RateControl } from './encoder-settings.ts';

/** SVT-AV1 at a third of x264 veryfast's speed: one step faster costs more bytes than it saves in processor time. */
export const AV1_PRESET = '8';
/** Changes whenever the same source and quality would give other bytes: part of every AV1 rendition's id. */
export const AV1_VERSION = 1;
/** Threads of one encoder; the bytes are the same with any number. */
const LOGICAL_PROCESSORS = 2;
/** As for H.264: a segment may run half again above the rung's bitrate. The encoder holds to it over seconds, not exactly. */
const PEAK_RATIO = 1.5;

/**
 * SVT-AV1, 8 bit, capped constant quality, a keyframe every `gopFrames` frames and nowhere else: Debian's does not see forced
 * keyframes, and at a constant rate so many frames are the same instants.
 */
export function svtAv1Options({ targetKbps, crf, preset = AV1_PRESET }: RateControl, gopFrames: number): string[] {
  if (crf === undefined) throw new RangeError('crf: expected a constant quality for AV1 (got none)');
  const parameters = [`lp=${LOGICAL_PROCESSORS}`, `mbr=${Math.round(targetKbps * PEAK_RATIO)}`];
  return [
    ...['-c:v', 'libsvtav1', '-preset', preset, '-crf', String(Math.round(crf)), '-pix_fmt', 'yuv420p'],
    ...['-g', String(gopFrames), '-svtav1-params', parameters.join(':')],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
  ];
}
