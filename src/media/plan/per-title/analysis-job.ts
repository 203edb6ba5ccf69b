import type { Codec } from '../../../domain/arm.ts';
import { x264Search } from '../encoder-settings.ts';
import type { FfmpegJob } from '../ffmpeg-job.ts';
import { rationalFps } from '../frame-rate.ts';
import { jobLoad } from '../job-load.ts';
import type { JobSource } from '../job-source.ts';
import { type QualityWindow, windowFilters, windowInput } from '../quality-job.ts';
import { type FrameSize, shortSide } from '../rung-geometry.ts';
import type { Candidate } from './analysis-grid.ts';

/** File of the n-th candidate in the job's directory. */
export const candidateFile = (index: number): string => `candidate-${index}.mp4`;

/** How candidates are encoded, and what that weighs. */
type Encoder<C> = { codec: Codec; options(candidate: C): string[] };

/** One window encoded at every candidate's size and constant quality: decoded and normalised once, scaled once per size. */
export function analysisJob<C extends Candidate>(
  input: JobSource,
  window: QualityWindow,
  candidates: readonly C[],
  encoder: Encoder<C> = { codec: 'h264', options: ({ crf }) => encodeOptions(crf) },
): FfmpegJob {
  const { source } = input.details;
  const largest = candidates.reduce((best, { size }) => (shortSide(size) > shortSide(best) ? size : best), {
    width: 0,
    height: 0,
  });
  const groups = groupBySize(candidates);
  const heads = groups.map((_, index) => `[s${index}]`).join('');
  const branches = groups.map(({ size, fps, members }, index) => {
    const reduce = fps < source.fps ? `fps=fps=${rationalFps(fps)}:start_time=0,` : '';
    const outputs = members.map((member) => `[v${member}]`).join('');
    return `[s${index}]${reduce}scale=${size.width}:${size.height}:flags=bicubic,setsar=1,split=${members.length}${outputs}`;
  });
  return {
    name: 'analysis',
    load: jobLoad(
      source,
      candidates.map(({ size, fps }) => ({ ...size, fps, codec: encoder.codec })),
    ),
    inputs: [windowInput(input, window)],
    filterGraph: [`${windowFilters(input, window, largest)},split=${groups.length}${heads}`, ...branches].join(';'),
    outputs: candidates.map((candidate, index) => ({
      path: candidateFile(index),
      options: ['-map', `[v${index}]`, '-an', ...encoder.options(candidate), '-f', 'mp4'],
    })),
    timeLimitSeconds: 600,
  };
}

type Group = { size: FrameSize; fps: number; members: number[] };

function groupBySize(candidates: readonly Candidate[]): Group[] {
  const groups: Group[] = [];
  candidates.forEach(({ size, fps }, index) => {
    const same = groups.find((group) => group.size.width === size.width && group.size.height === size.height);
    if (same) same.members.push(index);
    else groups.push({ size, fps, members: [index] });
  });
  return groups;
}

/** As rungs are encoded, without a cap: a window is one group of pictures. */
const encodeOptions = (crf: number): string[] => [
  ...x264Search(),
  ...['-crf', String(crf), '-g', '100000', '-sc_threshold', '0'],
];

/** Bytes of media in an MP4 file, without its tables: at low rates those weigh as much as the picture. */
export function mediaBytes(file: Buffer): number {
  let bytes = 0;
  for (let at = 0; at + 8 <= file.length; ) {
    const size = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'mdat') bytes += (size === 0 ? file.length - at : size) - 8;
    if (size < 8) break;
    at += size;
  }
  return bytes;
}
