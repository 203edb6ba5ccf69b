import { type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import type { JobSource } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import { fitShortSide } from './rung-geometry.ts';

/** File the poster job writes. */
export const POSTER_FILE = 'poster.webp';

const POSTER_SHORT_SIDE = 720;

/** Openings fade in from black: a little way in, but never far into a long film. */
const POSTER_AT = { share: 0.2, latestSeconds: 10 };

/** Where the poster is taken, seconds. */
export const posterSeconds = (durationMs: number): number =>
  Math.min((durationMs / 1000) * POSTER_AT.share, POSTER_AT.latestSeconds);

/** One WebP frame. `-ss` stands before `-i`, so nothing before it is decoded. */
export function posterJob(input: JobSource, startSeconds: number): FfmpegJob {
  const { details } = input;
  const target = { size: fitShortSide(details.source, POSTER_SHORT_SIDE), fps: details.source.fps };
  return {
    name: 'poster',
    // Half a minute of slack: sparse screen recordings may have their next frame only then.
    inputs: [uploadInput(input.path, { startSeconds, seconds: 30 })],
    filterGraph: `[0:${details.video.streamIndex}]${normaliseFilters(details.video, target, input.capabilities)}[v]`,
    outputs: [
      {
        path: POSTER_FILE,
        options: ['-map', '[v]', '-an', '-frames:v', '1', '-c:v', 'libwebp', '-quality', '75', '-f', 'webp'],
      },
    ],
    timeLimitSeconds: 60,
  };
}
