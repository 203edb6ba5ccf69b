import { z } from 'zod';
import type { SourceDetails } from '../source-details.ts';
import { bytesBySegment } from './analysis-windows.ts';

const numeric = z.coerce.number();

/** What ffprobe says of a picture's stream and all its packets, in the order they are stored. */
export const remuxProbeSchema = z.object({
  format: z.object({ start_time: numeric.optional() }).default({}),
  streams: z
    .array(
      z.object({
        width: z.int(),
        height: z.int(),
        pix_fmt: z.string().optional(),
        profile: z.union([z.string(), z.number()]).optional(),
        sample_aspect_ratio: z.string().optional(),
        color_range: z.string().optional(),
      }),
    )
    .length(1),
  packets: z.array(z.object({ pts_time: numeric, size: numeric, flags: z.string().default('') })).min(1),
});
export type RemuxProbe = z.infer<typeof remuxProbeSchema>;

/** What every H.264 decoder in a browser plays. */
const PROFILES = ['Constrained Baseline', 'Baseline', 'Main', 'High'];

/** Of a frame: packets may be this far off a constant rate. */
const FRAME_TOLERANCE = 0.5;

/** A segment may take this many times the average, as Apple allows. */
const MOST_PEAK_RATIO = 2;

/** Containers whose H.264 goes into fMP4 as it is. */
const CONTAINERS = ['mp4', 'matroska'];

/** Whether it is worth asking for every packet: upright, progressive H.264 in the colours that all rungs are in. */
export function mayBeRemuxed({ source, video, container }: SourceDetails): boolean {
  return (
    source.codec === 'h264' &&
    source.rotation === 0 &&
    !source.hdr &&
    !video.interlaced &&
    video.matrix === 'bt709' &&
    container.split(',').some((name) => CONTAINERS.includes(name))
  );
}

/**
 * The average of a source whose picture can be served as it is, kbit/s; null when it must be encoded. It must be what an encode of
 * ours would be: square pixels, 8-bit 4:2:0, constant frame rate from the beginning on, and a closed group of pictures beginning at each
 * of `starts` (seconds at which the other rungs' segments begin), so that players can switch to it and back.
 */
export function remuxableKbps(probe: RemuxProbe, { source }: SourceDetails, starts: readonly number[]): number | null {
  const [stream] = probe.streams;
  const times = probe.packets.map(({ pts_time }) => pts_time);
  const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const tolerance = FRAME_TOLERANCE / source.fps;
  const fits =
    stream?.pix_fmt === 'yuv420p' &&
    PROFILES.includes(String(stream.profile)) &&
    ['1:1', '0:1', undefined].includes(stream.sample_aspect_ratio) &&
    stream.width === source.width &&
    stream.height === source.height &&
    Math.abs(first - (probe.format.start_time ?? first)) < tolerance &&
    isRegular(times, first, source.fps) &&
    isClosed(probe.packets) &&
    starts.every(keyframeAt(probe.packets, first, tolerance));
  return fits ? evenKbps(probe, source.fps, starts) : null;
}

function isRegular(times: readonly number[], first: number, fps: number): boolean {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.every((time, index) => Math.abs(time - first - index / fps) < FRAME_TOLERANCE / fps);
}

/** No frame after a keyframe in the file is shown before it: what one group needs is in it. */
function isClosed(packets: RemuxProbe['packets']): boolean {
  let since = Number.NEGATIVE_INFINITY;
  return packets.every(({ pts_time, flags }) => {
    if (flags.includes('K')) since = pts_time;
    return pts_time >= since;
  });
}

/** Whether there is a keyframe at a time; times are asked for in ascending order, so that hours of packets are gone through once. */
function keyframeAt(packets: RemuxProbe['packets'], first: number, tolerance: number): (start: number) => boolean {
  const times = packets
    .filter(({ flags }) => flags.includes('K'))
    .map(({ pts_time }) => pts_time - first)
    .sort((a, b) => a - b);
  let next = 0;
  return (start) => {
    while ((times[next] ?? Infinity) <= start - tolerance) next += 1;
    return Math.abs((times[next] ?? Infinity) - start) < tolerance;
  };
}

function evenKbps({ packets }: RemuxProbe, fps: number, starts: readonly number[]): number | null {
  const seconds = starts.slice(1).map((end, index) => end - (starts[index] ?? 0));
  const segments = seconds.map((length) => ({ durationMs: 1000 * length }));
  const bytes = bytesBySegment(packets, segments, (1000 * FRAME_TOLERANCE) / fps);
  const averageKbps = (packets.reduce((sum, { size }) => sum + size, 0) * 8) / 1000 / (packets.length / fps);
  const peaks = seconds.map((length, index) => ((bytes[index] ?? 0) * 8) / 1000 / length);
  return peaks.every((kbps) => kbps <= averageKbps * MOST_PEAK_RATIO) ? Number(averageKbps.toFixed(1)) : null;
}
