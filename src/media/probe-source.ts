import { stat } from 'node:fs/promises';
import type { AssetError } from '../domain/asset.ts';
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
import type { SourceDetails } from './plan/source-details.ts';
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

/** What a file's first packets show, its duration as declared (0 when it is not); `finish` measures that and judges the rest. */
export type BegunProbe =
  | { kind: 'begun'; details: SourceDetails; frames: number; finish(): Promise<ProbeResult> }
  | { kind: 'rejected'; error: AssetError };

/** Looks at an upload: what it is, and whether it is all there. Reads packets, decodes nothing. */
export async function probeSource(ffmpeg: Probe, path: string, signal: AbortSignal): Promise<ProbeResult> {
  const begun = await beginProbe(ffmpeg, path, signal);
  return begun.kind === 'rejected' ? begun : begun.finish();
}

/** Looks at the beginning of a file, which may be all there is of it yet; `bytes` is what it will have in the end. */
export async function beginProbe(
  ffmpeg: Probe,
  path: string,
  signal: AbortSignal,
  bytes?: number | null,
): Promise<BegunProbe> {
  const head = await read(ffmpeg, path, ['-show_packets', '-read_intervals', `%+#${HEAD_PACKETS}`], signal);
  if (head.kind === 'unreadable') return { kind: 'rejected', error: rejectUnreadable(head.stderr) };
  const refused = rejectStreams(head.output);
  if (refused) return { kind: 'rejected', error: refused };

  const output = await withVideoPackets(ffmpeg, path, head.output, signal);
  const fileBytes = bytes ?? (await stat(path)).size;
  const described = describeSource(output, Math.round(declaredSecondsOf(output) * 1000), fileBytes);
  if ('code' in described) return { kind: 'rejected', error: described };
  return {
    kind: 'begun',
    details: described,
    frames: output.packets.filter((packet) => packet.stream_index === described.video.streamIndex).length,
    async finish() {
      const length = await measureLength(ffmpeg, path, output, signal);
      if (length.kind === 'truncated') {
        return { kind: 'rejected', error: rejectTruncated(length.foundSeconds, length.declaredSeconds) };
      }
      const measured = describeSource(output, Math.round(length.seconds * 1000), fileBytes);
      return 'code' in measured ? { kind: 'rejected', error: measured } : { kind: 'video', ...measured };
    },
  };
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

const declaredSecondsOf = (output: ProbeOutput): number => videoStream(output)?.duration ?? output.format.duration ?? 0;

type Length =
  | { kind: 'complete'; seconds: number }
  | { kind: 'truncated'; foundSeconds: number; declaredSeconds: number };

/** The picture's length by its last packets; a container that declares none is read through. */
async function measureLength(ffmpeg: Probe, path: string, head: ProbeOutput, signal: AbortSignal): Promise<Length> {
  const video = videoStream(head);
  const declaredSeconds = declaredSecondsOf(head);
  const slack = Math.max(TRUNCATION_TOLERANCE.seconds, declaredSeconds * TRUNCATION_TOLERANCE.share);
  const packets = ['-select_streams', String(video?.index ?? 0), '-show_packets'];
  const reachesEnd = (found: ProbedPacket[]): boolean => lastSeconds(found) >= declaredSeconds - slack;
  // A file may also go on for longer than it declares, and all of it would be encoded.
  const complete = (found: ProbedPacket[]): Length => {
    const foundSeconds = lastSeconds(found) - firstSeconds(head.packets);
    return { kind: 'complete', seconds: foundSeconds > declaredSeconds + slack ? foundSeconds : declaredSeconds };
  };

  if (declaredSeconds > slack) {
    const ofVideo = head.packets.filter((packet) => packet.stream_index === video?.index);
    const isAll = head.packets.length < HEAD_PACKETS;
    if (isAll && reachesEnd(ofVideo)) return complete(ofVideo);
    const tail = await read(
      ffmpeg,
      path,
      [...packets, '-read_intervals', `${(declaredSeconds - TRUNCATION_TOLERANCE.seconds).toFixed(3)}%`],
      signal,
    );
    if (tail.kind === 'read' && reachesEnd(tail.output.packets)) return complete(tail.output.packets);
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
