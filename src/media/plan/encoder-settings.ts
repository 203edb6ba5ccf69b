/** Changes whenever the same source and target would give other bytes: part of every rendition id. */
export const ENCODER_VERSION = 2;

/** x264 at the speed that two cores can keep up with. */
export const PRESET = 'veryfast';

/**
 * What `veryfast` leaves out though it costs next to nothing: 2 to 8 % of the bytes for 3 to 7 % more processor time on camera clips of
 * 240p to 540p, still 0 to 2 % at 1080p. More references or sub-pixel steps cost ten times that for as much.
 */
const CHEAP_SEARCH = ['-trellis', '1', '-rc-lookahead', '20'];

/** A segment may run half again above the target, over a buffer of two seconds at it: peaks stay near 200 % of average. */
const PEAK_RATIO = 1.5;
const BUFFER_RATIO = 2;

export const AUDIO = { kbps: 128, monoKbps: 80, sampleRateHz: 48_000, codecs: 'mp4a.40.2' } as const;

/** The first rung to be encoded is no taller than this. */
export const FAST_LANE_MAX_HEIGHT = 360;

/** x264 when nobody waits: what a slower search finds at the same rate control, at about three times the cost. */
export const UPGRADE_PRESET = 'slow';

/** What a rung may spend: around `targetKbps`, or, once its title was analysed, constant quality `crf` under the same cap. */
export type RateControl = { targetKbps: number; crf?: number; preset?: string };

/** How hard x264 looks: a preset, and what ours adds to its own. */
export const x264Search = (preset = PRESET): string[] => [
  ...['-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
  ...(preset === PRESET ? CHEAP_SEARCH : []),
];

/** x264, capped CRF or capped ABR, closed GOPs that begin at the same instants on every rung; bt709, limited range. */
export function x264Options({ targetKbps, crf, preset }: RateControl, secondsPerGop: number): string[] {
  return [
    ...x264Search(preset),
    // x264's default tolerance overshoots short clips by a third, further than arms look for their rungs.
    ...(crf === undefined
      ? ['-b:v', `${Math.round(targetKbps)}k`, '-x264-params', 'ratetol=0.1']
      : ['-crf', crf.toFixed(2)]),
    ...['-maxrate', `${Math.round(targetKbps * PEAK_RATIO)}k`, '-bufsize', `${Math.round(targetKbps * BUFFER_RATIO)}k`],
    // -g is out of the way: keyframes come from the clock alone, a millisecond early so that rounding never skips one.
    ...['-g', '100000', '-sc_threshold', '0', '-force_key_frames', forcedKeyframes(secondsPerGop)],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
  ];
}

function forcedKeyframes(secondsPerGop: number): string {
  return `expr:gte(t+0.001,n_forced*${Number(secondsPerGop.toFixed(9))})`;
}

/**
 * AAC-LC, at most stereo, silence where the source has gaps and after its end, so that it begins, stays and ends with the picture:
 * some players end when the shortest track does. `durationMs` is the source's, 0 where it is not known.
 */
export function aacOptions(channels: number, durationMs: number): string[] {
  const silence = durationMs > 0 ? `,apad=whole_dur=${durationMs / 1000}` : '';
  return [
    ...['-c:a', 'aac', '-b:a', `${audioKbps(channels)}k`, '-ac', String(Math.min(2, channels))],
    ...['-ar', String(AUDIO.sampleRateHz), '-af', `aresample=async=1:first_pts=0${silence}`],
  ];
}

/** What the audio track of a source with so many channels is encoded at, kbit/s. */
export const audioKbps = (channels: number): number => (channels === 1 ? AUDIO.monoKbps : AUDIO.kbps);

/** fMP4 segments and a growing playlist in `directory` (relative): init.mp4, seg-00000.m4s, …, index.m3u8. */
export function hlsOutput(
  directory: string,
  secondsPerGop: number,
  options: readonly string[],
): { path: string; options: string[] } {
  return {
    path: `${directory}/index.m3u8`,
    options: [
      ...options,
      ...['-f', 'hls', '-hls_time', String(Number((secondsPerGop - 0.01).toFixed(6)))],
      ...['-hls_playlist_type', 'event', '-hls_flags', 'independent_segments+temp_file'],
      ...['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'],
      ...['-hls_segment_filename', `${directory}/seg-%05d.m4s`],
      // Without these two ffmpeg delays video by its B-frame depth against audio: presentation starts at 0 this way.
      ...['-avoid_negative_ts', 'disabled', '-hls_segment_options', 'movflags=+negative_cts_offsets'],
    ],
  };
}
