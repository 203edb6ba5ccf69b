import { hlsOutput, x264Options } from './encoder-settings.ts';
import { type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import { gopSeconds, rationalFps } from './frame-rate.ts';
import { type JobSource, timeLimitSeconds } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import type { PlannedRendition } from './plan-renditions.ts';

/** All other rungs in one process: decoded and normalised once to the largest, then split. */
export function remainderJob(input: JobSource, renditions: readonly PlannedRendition[]): FfmpegJob {
  const { video, source } = input.details;
  const largest = renditions.reduce((best, rendition) => (rendition.size.width > best.size.width ? rendition : best));
  const normalise = normaliseFilters(video, { size: largest.size, fps: source.fps }, input.capabilities);
  const splits = renditions.map((_, index) => `[s${index}]`).join('');
  const rungs = renditions.map(({ size, fps }, index) => {
    const reduce = fps < source.fps ? `fps=fps=${rationalFps(fps)}:start_time=0,` : '';
    return `[s${index}]${reduce}scale=${size.width}:${size.height}:flags=bicubic,setsar=1[v${index}]`;
  });
  const seconds = gopSeconds(source.fps);
  return {
    name: 'remainder',
    inputs: [uploadInput(input.path)],
    filterGraph: [`[0:${video.streamIndex}]${normalise},split=${renditions.length}${splits}`, ...rungs].join(';'),
    outputs: renditions.map((rendition, index) =>
      hlsOutput(rendition.id, seconds, ['-map', `[v${index}]`, '-an', ...x264Options(rendition, seconds)]),
    ),
    timeLimitSeconds: timeLimitSeconds(input.details.durationMs, 120),
  };
}
