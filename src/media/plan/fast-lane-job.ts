import { aacOptions, hlsOutput, x264Options } from './encoder-settings.ts';
import { type FfmpegJob, PIPE, uploadInput } from './ffmpeg-job.ts';
import { jobLoad } from './job-load.ts';
import { type JobSource, timeLimitSeconds } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import type { PlannedRendition } from './plan-renditions.ts';

/** Directory of the audio track in the fast lane's work directory. */
export const AUDIO_DIRECTORY = 'audio';

/** One low rung and the audio track, in one process: the shortest way from bytes to something that plays. */
export function fastLaneJob(input: JobSource, rendition: PlannedRendition): FfmpegJob {
  const { video, audio } = input.details;
  const filters = normaliseFilters(video, rendition, input.capabilities);
  const seconds = rendition.gopSeconds;
  return {
    name: 'fast-lane',
    jobClass: 'fast-lane',
    load: jobLoad(input.details.source, [{ ...rendition.size, fps: rendition.fps }]),
    inputs: [uploadInput(input.path)],
    filterGraph: `[0:${video.streamIndex}]${filters}[v]`,
    outputs: [
      hlsOutput(rendition.id, seconds, ['-map', '[v]', '-an', ...x264Options(rendition, seconds)]),
      ...(audio
        ? [
            hlsOutput(AUDIO_DIRECTORY, seconds, [
              '-map',
              `0:${audio.streamIndex}`,
              '-vn',
              ...aacOptions(audio.channels, input.details.durationMs),
            ]),
          ]
        : []),
    ],
    timeLimitSeconds: timeLimitSeconds(input.details.durationMs, 30),
  };
}

/** Longer than an upload may take. */
const ARRIVING_LIMIT_SECONDS = 25 * 3_600;
/** As fast as bytes come, that is hardly ever at full speed: what it weighs is its memory. */
const ARRIVING_PIXELS_PER_SECOND = 5_000_000;

/** The same of a file that is still arriving: the same bytes, read from a stream, for as long as that takes. */
export function arrivingJob(input: JobSource, rendition: PlannedRendition): FfmpegJob {
  const job = fastLaneJob({ ...input, path: PIPE }, rendition);
  return {
    ...job,
    name: 'arriving',
    timeLimitSeconds: ARRIVING_LIMIT_SECONDS,
    ...(job.load ? { load: { ...job.load, pixelsPerSecond: ARRIVING_PIXELS_PER_SECOND } } : {}),
  };
}
