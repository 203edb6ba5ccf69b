import type { FrameRange } from './chunks.ts';
import { rationalFps } from './frame-rate.ts';
import type { FrameSize } from './rung-geometry.ts';
import type { SourceDetails } from './source-details.ts';

/**
 * What this ffmpeg can do: `zscale` maps HDR properly, without it a per-channel curve has to do; `vmaf` (libvmaf) judges quality,
 * without it SSIM has to do; `av1` (libsvtav1) encodes AV1.
 */
export type FfmpegCapabilities = { zscale: boolean; vmaf?: boolean; av1?: boolean };

/**
 * Filters that turn any source into plain video: constant frame rate from 0, upright (ffmpeg rotates before any filter),
 * square pixels, SDR, bt709 limited range, yuv420p, `size`. Of `frames` alone when given, then from 0 as well.
 */
export function normaliseFilters(
  video: SourceDetails['video'],
  target: { size: FrameSize; fps: number; frames?: FrameRange },
  capabilities: FfmpegCapabilities,
): string {
  const size = `${target.size.width}:${target.size.height}`;
  const filters = [
    ...(video.interlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : []),
    ...constantRate(target.fps, target.frames),
    ...(video.transfer === 'sdr'
      ? [`scale=${size}:flags=bicubic:in_color_matrix=${video.matrix}:out_color_matrix=bt709:out_range=tv`]
      : [`scale=${size}:flags=bicubic`, ...(capabilities.zscale ? tonemapExactly(video) : tonemapRoughly(video))]),
    'setsar=1',
    'format=yuv420p',
  ];
  return filters.join(',');
}

/**
 * Only the very beginning is padded to 0. Elsewhere the frames before `start`, which the seek left there, settle what is shown at
 * `start`: the same picture as without a seek.
 */
function constantRate(fps: number, frames?: FrameRange): string[] {
  const rate = `fps=fps=${rationalFps(fps)}`;
  const end = frames && frames.end !== null ? [`end_pts=${frames.end}`] : [];
  if (!frames || frames.start === 0) return [`${rate}:start_time=0`, ...end.map((option) => `trim=${option}`)];
  return [rate, `trim=${[`start_pts=${frames.start}`, ...end].join(':')}`, `setpts=PTS-${frames.start}`];
}

/** Linear light, BT.2020 → BT.709 primaries, Hable's curve. Input stated, because containers lie about it. */
function tonemapExactly({ transfer }: SourceDetails['video']): string[] {
  const curve = transfer === 'pq' ? 'smpte2084' : 'arib-std-b67';
  return [
    `zscale=tin=${curve}:min=bt2020nc:pin=bt2020:t=linear:npl=100`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
  ];
}

/** Without zscale: each channel through one curve, HDR → SDR gamma. Brightness is right, saturated colours pale. */
function tonemapRoughly({ transfer }: SourceDetails['video']): string[] {
  const signal = 'clipval/maxval';
  // SMPTE ST 2084 EOTF to multiples of 203 nit reference white (BT.2408); HLG is made to be shown on SDR as it is.
  const pq = `pow(max(pow(${signal},0.0126833)-0.8359375,0)/(18.8515625-18.6875*pow(${signal},0.0126833)),6.2773946)*49.26`;
  const curve = transfer === 'pq' ? `maxval*pow((${pq})/(1+${pq})*1.15,0.4545)` : 'clipval';
  return [
    'scale=in_color_matrix=bt2020:in_range=tv',
    'format=gbrp10le',
    `lutrgb=r='${curve}':g='${curve}':b='${curve}'`,
    'scale=out_color_matrix=bt709:out_range=tv',
  ];
}
