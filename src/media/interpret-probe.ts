import { z } from 'zod';
import type { AssetError } from '../domain/asset.ts';
import { naturalFrameRate } from './plan/frame-rate.ts';
import { displaySize } from './plan/rung-geometry.ts';
import type { SourceDetails } from './plan/source-details.ts';
import {
  AUDIO_ONLY,
  BROKEN_BITSTREAM,
  NO_VIDEO,
  rejectTooLarge,
  rejectTooLong,
  rejectTooSparse,
} from './source-rejections.ts';

const numeric = z.coerce.number();

const streamSchema = z.object({
  index: z.int(),
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  pix_fmt: z.string().optional(),
  sample_aspect_ratio: z.string().optional(),
  field_order: z.string().optional(),
  color_space: z.string().optional(),
  color_transfer: z.string().optional(),
  duration: numeric.optional(),
  channels: z.int().optional(),
  disposition: z.object({ default: z.int().optional(), attached_pic: z.int().optional() }).optional(),
  side_data_list: z.array(z.looseObject({ rotation: z.number().optional() })).optional(),
});
type ProbedStream = z.infer<typeof streamSchema>;

const packetSchema = z.object({
  stream_index: z.int(),
  pts_time: numeric.optional(),
  duration_time: numeric.optional(),
});
export type ProbedPacket = z.infer<typeof packetSchema>;

/** What ffprobe prints as JSON for streams, format and packets. */
export const probeOutputSchema = z.object({
  streams: z.array(streamSchema).default([]),
  format: z
    .object({
      format_name: z.string().optional(),
      duration: numeric.optional(),
      bit_rate: numeric.optional(),
      size: numeric.optional(),
    })
    .default({}),
  packets: z.array(packetSchema).default([]),
});
export type ProbeOutput = z.infer<typeof probeOutputSchema>;

/** What a file turned out to be: a video with everything needed to encode it, or a reason a person understands. */
export type ProbeResult = ({ kind: 'video' } & SourceDetails) | { kind: 'rejected'; error: AssetError };

/** A picture that has no frames of its own, as cover art, does not make a file a video. */
export function videoStream(output: ProbeOutput): ProbedStream | undefined {
  const videos = output.streams.filter(
    (stream) => stream.codec_type === 'video' && stream.disposition?.attached_pic !== 1,
  );
  return videos.find((stream) => stream.disposition?.default === 1) ?? videos[0];
}

/** Why a file without a usable video stream was not taken; null when it has one. */
export function rejectStreams(output: ProbeOutput): AssetError | null {
  const video = videoStream(output);
  if (!video) {
    return output.streams.some((stream) => stream.codec_type === 'audio') ? AUDIO_ONLY : NO_VIDEO;
  }
  if (!video.width || !video.height || !video.pix_fmt || !video.codec_name) return BROKEN_BITSTREAM;
  return null;
}

/** A frame of 8K, and no side longer than that of a square one of twice as many pixels: what x264 and players bear. */
const MAX_PIXELS = 7680 * 4320;
const MAX_SIDE = 8192;
const MAX_SECONDS = 12 * 3600;
/** Below this a long file is no picture that stands still, but a timestamp that is wrong: every second of it is frames to encode. */
const LEAST_BITS_PER_SECOND = 400;
const SPARSE_FROM_SECONDS = 600;

/** Why a picture of this size and length is not taken; null when it is. */
function rejectDimensions(
  size: { width: number; height: number },
  seconds: number,
  fileBytes: number,
): AssetError | null {
  if (Math.max(size.width, size.height) > MAX_SIDE || size.width * size.height > MAX_PIXELS)
    return rejectTooLarge(size, MAX_SIDE);
  if (seconds > MAX_SECONDS) return rejectTooLong(seconds, MAX_SECONDS);
  const isSparse = seconds > SPARSE_FROM_SECONDS && (fileBytes * 8) / seconds < LEAST_BITS_PER_SECOND;
  return isSparse ? rejectTooSparse(seconds, fileBytes) : null;
}

/** Everything there is to know, once `rejectStreams` found nothing wrong. `durationMs` is measured, not claimed. */
export function describeSource(output: ProbeOutput, durationMs: number, fileBytes: number): SourceDetails | AssetError {
  const video = videoStream(output);
  const times = output.packets.flatMap((p) =>
    p.stream_index === video?.index && p.pts_time !== undefined ? [p.pts_time] : [],
  );
  if (!video?.width || !video.height || times.length === 0) return BROKEN_BITSTREAM;
  // A single picture has no rate; it is shown as a still.
  const fps = naturalFrameRate(times) ?? 1;
  const rotation = clockwiseRotation(video);
  const size = displaySize({
    width: video.width,
    height: video.height,
    sampleAspectRatio: pixelAspect(video),
    rotation,
  });
  const refused = rejectDimensions(size, durationMs / 1000, fileBytes);
  if (refused) return refused;
  const audio = audioStream(output);
  const transfer = transferOf(video);
  return {
    source: {
      ...size,
      fps: Number(fps.toFixed(6)),
      codec: video.codec_name ?? 'unknown',
      bitrateKbps: durationMs > 0 ? Math.round((fileBytes * 8) / durationMs) : 0,
      hdr: transfer !== 'sdr',
      rotation,
      hasAudio: audio !== undefined,
    },
    durationMs,
    container: output.format.format_name ?? 'unknown',
    video: {
      streamIndex: video.index,
      matrix: matrixOf(video, Math.min(size.width, size.height)),
      transfer,
      interlaced: ['tt', 'bb', 'tb', 'bt'].includes(video.field_order ?? ''),
    },
    audio: audio ? { streamIndex: audio.index, channels: audio.channels ?? 2 } : null,
  };
}

function audioStream(output: ProbeOutput): ProbedStream | undefined {
  const tracks = output.streams.filter(
    ({ codec_type, codec_name, channels }) => codec_type === 'audio' && codec_name !== undefined && (channels ?? 0) > 0,
  );
  return tracks.find((stream) => stream.disposition?.default === 1) ?? tracks[0];
}

/** ffprobe counts counter-clockwise; odd angles are left to the viewer's neck. */
function clockwiseRotation(video: ProbedStream): 0 | 90 | 180 | 270 {
  const counter = video.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  const turns = ((Math.round(-counter / 90) % 4) + 4) % 4;
  return ([0, 90, 180, 270] as const)[turns] ?? 0;
}

function pixelAspect(video: ProbedStream): number {
  const [width, height] = (video.sample_aspect_ratio ?? '1:1').split(':').map(Number);
  const ratio = width && height ? width / height : 1;
  // Beyond this the tag is garbage, not an anamorphic lens.
  return ratio > 0.2 && ratio < 5 ? ratio : 1;
}

function transferOf(video: ProbedStream): 'sdr' | 'pq' | 'hlg' {
  if (video.color_transfer === 'smpte2084') return 'pq';
  return video.color_transfer === 'arib-std-b67' ? 'hlg' : 'sdr';
}

/** Untagged files: standard definition is BT.601, everything larger BT.709, as every player assumes. */
function matrixOf(video: ProbedStream, short: number): SourceDetails['video']['matrix'] {
  const tag = video.color_space ?? 'unknown';
  if (tag.startsWith('bt2020')) return 'bt2020';
  if (tag === 'bt709') return 'bt709';
  if (tag === 'smpte170m' || tag === 'bt470bg') return 'smpte170m';
  return short >= 720 ? 'bt709' : 'smpte170m';
}
