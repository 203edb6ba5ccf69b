import { hlsOutput } from './encoder-settings.ts';
import { type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import { type JobSource, timeLimitSeconds } from './job-source.ts';
import type { PlannedRendition } from './plan-renditions.ts';

/** The source's picture into segments as it is: reads and writes, encodes nothing. */
export const remuxJob = ({ path, details }: JobSource, { id, gopSeconds }: PlannedRendition): FfmpegJob => ({
  name: 'remux',
  inputs: [uploadInput(path)],
  filterGraph: null,
  outputs: [hlsOutput(id, gopSeconds, ['-map', `0:${details.video.streamIndex}`, '-an', '-c:v', 'copy'])],
  timeLimitSeconds: timeLimitSeconds(details.durationMs, 2),
});
