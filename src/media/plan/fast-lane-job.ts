import { aacOptions, hlsOutput, x264Options } from './encoder-settings.ts';
import { type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
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
              ...aacOptions(audio.channels),
            ]),
          ]
        : []),
    ],
    timeLimitSeconds: timeLimitSeconds(input.details.durationMs, 30),
  };
}
