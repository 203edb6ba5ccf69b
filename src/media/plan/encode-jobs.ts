import { aacOptions, hlsOutput, x264Options } from './encoder-settings.ts';
import { type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import { gopSeconds, rationalFps } from './frame-rate.ts';
import { type FfmpegCapabilities, normaliseFilters } from './normalise-graph.ts';
import type { PlannedRendition } from './plan-renditions.ts';
import type { SourceDetails } from './source-details.ts';

/** Where a job reads and how it may: what all jobs of one source have in common. */
export type JobSource = { path: string; details: SourceDetails; capabilities: FfmpegCapabilities };

/** A stuck ffmpeg is killed in the end; a merely slow one (4K on a busy machine) is not. */
const timeLimitSeconds = (durationMs: number, slowestRatio: number): number => 120 + (durationMs / 1000) * slowestRatio;

/** Directory of the audio track in the fast lane's work directory. */
export const AUDIO_DIRECTORY = 'audio';

/** One low rung and the audio track, in one process: the shortest way from bytes to something that plays. */
export function fastLaneJob(input: JobSource, rendition: PlannedRendition): FfmpegJob {
  const { video, audio } = input.details;
  const filters = normaliseFilters(video, rendition, input.capabilities);
  const seconds = rendition.gopSeconds;
  return {
    name: 'fast-lane',
    inputs: [uploadInput(input.path)],
    filterGraph: `[0:${video.streamIndex}]${filters}[v]`,
    outputs: [
      hlsOutput(rendition.id, seconds, ['-map', '[v]', '-an', ...x264Options(rendition.targetKbps, seconds)]),
      ...(audio
        ? [
            hlsOutput(AUDIO_DIRECTORY, seconds, [
              '-map',
              `0:${audio.streamIndex}`,
              '-vn',
              ...aacOptions(audio.channels),
            ]),
          ]
        : []),
    ],
    timeLimitSeconds: timeLimitSeconds(input.details.durationMs, 30),
  };
}

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
      hlsOutput(rendition.id, seconds, ['-map', `[v${index}]`, '-an', ...x264Options(rendition.targetKbps, seconds)]),
    ),
    timeLimitSeconds: timeLimitSeconds(input.details.durationMs, 120),
  };
}
