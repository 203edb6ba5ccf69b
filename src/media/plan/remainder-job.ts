import type { FrameRange } from './chunks.ts';
import { hlsOutput } from './encoder-settings.ts';
import { type FfmpegInput, type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import { gopSeconds, rationalFps } from './frame-rate.ts';
import { jobLoad } from './job-load.ts';
import { type JobSource, timeLimitSeconds } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import type { PlannedRendition } from './plan-renditions.ts';
import { videoOptions } from './video-options.ts';

/** A stretch of the source by itself: its frames, and the number its first segment has in the whole. */
export type EncodedStretch = { frames: FrameRange; firstSegment: number };

/** Seeking to this much ahead leaves at least one picture before the first that is kept, at any rate above two a second. */
const PREROLL_SECONDS = 0.5;

/** All other rungs in one process: decoded and normalised once to the largest, then split; of a stretch when one is given. */
export function remainderJob(
  input: JobSource,
  renditions: readonly PlannedRendition[],
  stretch?: EncodedStretch,
): FfmpegJob {
  const { video, source, durationMs } = input.details;
  const seconds = gopSeconds(source.fps);
  const numbered = stretch ? ['-start_number', String(stretch.firstSegment)] : [];
  return {
    name: stretch ? 'chunk' : 'remainder',
    load: jobLoad(
      source,
      renditions.map(({ size, fps, codec }) => ({ ...size, fps, codec })),
    ),
    inputs: [stretch ? seekingInput(input, stretch.frames.start) : uploadInput(input.path)],
    filterGraph: `[0:${video.streamIndex}]${splitGraph(input, renditions, stretch?.frames)}`,
    outputs: renditions.map((rendition, index) =>
      hlsOutput(rendition.id, seconds, [
        ...['-map', `[v${index}]`, '-an', ...videoOptions(rendition, seconds)],
        ...numbered,
      ]),
    ),
    timeLimitSeconds: timeLimitSeconds(durationMs, 120),
  };
}

/** The source's own clock is kept, so that frames fall on the same instants as without a seek. */
function seekingInput({ path, details }: JobSource, startFrame: number): FfmpegInput {
  const { options } = uploadInput(path);
  const seconds = Math.max(0, startFrame / details.source.fps - PREROLL_SECONDS);
  // Everything from the keyframe before is kept: the graph cuts by frame, a seek can only cut by time.
  const seek = startFrame > 0 ? ['-noaccurate_seek', '-ss', String(Number(seconds.toFixed(6)))] : [];
  return { path, options: ['-copyts', '-start_at_zero', ...options, ...seek] };
}

/** One branch per size and rate: rungs that differ in bitrate alone are scaled once. */
function splitGraph(input: JobSource, renditions: readonly PlannedRendition[], frames?: FrameRange): string {
  const { video, source } = input.details;
  const largest = renditions.reduce((best, rendition) => (rendition.size.width > best.size.width ? rendition : best));
  const target = { size: largest.size, fps: source.fps, ...(frames ? { frames } : {}) };
  const branches = new Map<string, string[]>();
  renditions.forEach(({ size, fps }, index) => {
    const reduce = fps < source.fps ? `fps=fps=${rationalFps(fps)}:start_time=0,` : '';
    const filters = `${reduce}scale=${size.width}:${size.height}:flags=bicubic,setsar=1`;
    branches.set(filters, [...(branches.get(filters) ?? []), `[v${index}]`]);
  });
  const rungs = [...branches].map(
    ([filters, labels], index) =>
      `[s${index}]${filters}${labels.length > 1 ? `,split=${labels.length}` : ''}${labels.join('')}`,
  );
  const splits = rungs.map((_, index) => `[s${index}]`).join('');
  return [`${normaliseFilters(video, target, input.capabilities)},split=${rungs.length}${splits}`, ...rungs].join(';');
}
