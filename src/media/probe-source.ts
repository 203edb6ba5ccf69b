import { stat } from 'node:fs/promises';
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import {
  describeSource,
  type ProbedPacket,
  type ProbeOutput,
  type ProbeResult,
  probeOutputSchema,
  rejectStreams,
  videoStream,
} from './interpret-probe.ts';
import { rejectTruncated, rejectUnreadable } from './source-rejections.ts';

const FIELDS =
  'stream=index,codec_type,codec_name,width,height,pix_fmt,sample_aspect_ratio,field_order,color_space,color_transfer,duration,channels' +
  ':stream_disposition=default,attached_pic:stream_side_data=rotation' +
  ':format=format_name,duration,bit_rate,size:packet=stream_index,pts_time,duration_time';

/** Enough packets for a frame rate, of all streams together. */
const HEAD_PACKETS = 400;

/** A file may end this much before the length it declares: rounding, a last frame shown long. */
const TRUNCATION_TOLERANCE = { seconds: 2, share: 0.1 };

type Probe = Pick<Ffmpeg, 'probe'>;

/** Looks at an upload: what it is, and whether it is all there. Reads packets, decodes nothing. */
export async function probeSource(ffmpeg: Probe, path: string, signal: AbortSignal): Promise<ProbeResult> {
  const head = await read(ffmpeg, path, ['-show_packets', '-read_intervals', `%+#${HEAD_PACKETS}`], signal);
  if (head.kind === 'unreadable') return { kind: 'rejected', error: rejectUnreadable(head.stderr) };
  const refused = rejectStreams(head.output);
  if (refused) return { kind: 'rejected', error: refused };

  const output = await withVideoPackets(ffmpeg, path, head.output, signal);
  const length = await measureLength(ffmpeg, path, output, signal);
  if (length.kind === 'truncated') {
    return { kind: 'rejected', error: rejectTruncated(length.foundSeconds, length.declaredSeconds) };
  }
  const { size } = await stat(path);
  const described = describeSource(output, Math.round(length.seconds * 1000), size);
  return 'source' in described ? { kind: 'video', ...described } : { kind: 'rejected', error: described };
}

type Read = { kind: 'read'; output: ProbeOutput } | { kind: 'unreadable'; stderr: string };

async function read(ffmpeg: Probe, path: string, args: readonly string[], signal: AbortSignal): Promise<Read> {
  try {
    const { json } = await ffmpeg.probe(
      path,
      ['-show_streams', '-show_format', '-show_entries', FIELDS, ...args],
      signal,
    );
    return { kind: 'read', output: probeOutputSchema.parse(json) };
  } catch (error) {
    if (error instanceof FfmpegError && error.code === 'exit') return { kind: 'unreadable', stderr: error.stderrTail };
    throw error;
  }
}

/** Files that are not interleaved begin with nothing but sound: then the picture's packets are asked for alone. */
async function withVideoPackets(
  ffmpeg: Probe,
  path: string,
  head: ProbeOutput,
  signal: AbortSignal,
): Promise<ProbeOutput> {
  const index = videoStream(head)?.index;
  const found = head.packets.filter((packet) => packet.stream_index === index).length;
  if (index === undefined || found >= 10) return head;
  const args = ['-select_streams', String(index), '-show_packets', '-read_intervals', `%+#${HEAD_PACKETS}`];
  const video = await read(ffmpeg, path, args, signal);
  return video.kind === 'read' ? { ...head, packets: video.output.packets } : head;
}

type Length =
  | { kind: 'complete'; seconds: number }
  | { kind: 'truncated'; foundSeconds: number; declaredSeconds: number };

/** The picture's length by its last packets; a container that declares none is read through. */
async function measureLength(ffmpeg: Probe, path: string, head: ProbeOutput, signal: AbortSignal): Promise<Length> {
  const video = videoStream(head);
  const declaredSeconds = video?.duration ?? head.format.duration ?? 0;
  const slack = Math.max(TRUNCATION_TOLERANCE.seconds, declaredSeconds * TRUNCATION_TOLERANCE.share);
  const packets = ['-select_streams', String(video?.index ?? 0), '-show_packets'];
  const reachesEnd = (found: ProbedPacket[]): boolean => lastSeconds(found) >= declaredSeconds - slack;

  if (declaredSeconds > slack) {
    const ofVideo = head.packets.filter((packet) => packet.stream_index === video?.index);
    if (reachesEnd(ofVideo)) return { kind: 'complete', seconds: declaredSeconds };
    const tail = await read(
      ffmpeg,
      path,
      [...packets, '-read_intervals', `${(declaredSeconds - slack).toFixed(3)}%`],
      signal,
    );
    if (tail.kind === 'read' && reachesEnd(tail.output.packets)) return { kind: 'complete', seconds: declaredSeconds };
  }
  const whole = await read(ffmpeg, path, packets, signal);
  const foundSeconds = whole.kind === 'read' ? lastSeconds(whole.output.packets) : 0;
  if (foundSeconds < declaredSeconds - slack) return { kind: 'truncated', foundSeconds, declaredSeconds };
  return { kind: 'complete', seconds: Math.max(0, foundSeconds - firstSeconds(head.packets)) };
}

/** When the last packet stops being shown, on the file's own clock. */
function lastSeconds(packets: readonly ProbedPacket[]): number {
  const ends = packets.map(({ pts_time, duration_time }) => (pts_time ?? 0) + (duration_time ?? 0));
  return ends.reduce((latest, end) => Math.max(latest, end), 0);
}

/** Transport streams count from anywhere; everything is encoded from its first packet on. */
function firstSeconds(packets: readonly ProbedPacket[]): number {
  const times = packets.flatMap(({ pts_time }) => (pts_time === undefined ? [] : [pts_time]));
  return times.length === 0 ? 0 : times.reduce((first, time) => Math.min(first, time));
}
