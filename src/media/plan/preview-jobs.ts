import type { FfmpegJob } from './ffmpeg-job.ts';
import { uploadInput } from './ffmpeg-job.ts';
import { jobLoad } from './job-load.ts';
import type { JobSource } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import { type FrameSize, fitShortSide } from './rung-geometry.ts';

/** Files the jobs read and write in their work directory. */
export const KEYFRAMES_FILE = 'keyframes.h264';
export const FRAMES_FILE = 'frames.rgb';
export const STRETCH_FILE = 'stretch.mp4';
export const POSTER_FILE = 'poster.webp';
export const POSTER_2X_FILE = 'poster-2x.webp';
export const CLIP_FILE = 'preview.mp4';

/** Small enough for a ThumbHash, which takes at most 100 pixels each way. */
const FRAME_LONG_SIDE = 64;
const WEBP_QUALITY = { sprite: 60, poster: 75 };
const TIME_LIMIT_SECONDS = 60;

const webp = (quality: number): string[] => ['-c:v', 'libwebp', '-quality', String(quality)];

/** Pixels of the small pictures that are judged and hashed. */
export function frameSize({ width, height }: FrameSize): FrameSize {
  const scale = Math.min(1, FRAME_LONG_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Sprites of tiles, and the same pictures small and raw, from a stream of nothing but keyframes. */
export function storyboardJob(of: { tile: FrameSize; columns: number; rows: number }): FfmpegJob {
  const { tile, columns, rows } = of;
  const small = frameSize(tile);
  return {
    name: 'storyboard',
    jobClass: 'background',
    inputs: [{ path: KEYFRAMES_FILE, options: ['-f', 'h264', '-framerate', '1'] }],
    filterGraph: [
      '[0:v]split=2[tiles][frames]',
      `[tiles]scale=${tile.width}:${tile.height},setsar=1,tile=${columns}x${rows}[sprites]`,
      `[frames]scale=${small.width}:${small.height}:flags=area[small]`,
    ].join(';'),
    outputs: [
      {
        path: 'storyboard-%d.webp',
        options: ['-map', '[sprites]', ...webp(WEBP_QUALITY.sprite), ...PASS, '-f', 'image2', '-start_number', '0'],
      },
      { path: FRAMES_FILE, options: ['-map', '[small]', ...PASS, '-pix_fmt', 'rgb24', '-f', 'rawvideo'] },
    ],
    timeLimitSeconds: TIME_LIMIT_SECONDS,
  };
}
/** Every picture once, however its time stands. */
const PASS = ['-fps_mode', 'passthrough'];

const POSTER_SHORT_SIDE = 360;

/** The poster once and with twice the pixels. `-ss` stands before `-i`, so nothing before it is decoded. */
export function posterJob(input: JobSource, startSeconds: number): FfmpegJob {
  const { video, source } = input.details;
  const large = fitShortSide(source, POSTER_SHORT_SIDE * 2);
  const small = fitShortSide(source, POSTER_SHORT_SIDE);
  const normalise = normaliseFilters(video, { size: large, fps: source.fps }, input.capabilities);
  const options = (label: string): string[] => [
    ...['-map', label, '-an', '-frames:v', '1', ...webp(WEBP_QUALITY.poster), '-f', 'webp'],
  ];
  return {
    name: 'poster',
    jobClass: 'background',
    load: jobLoad(source, [{ ...large, fps: 1 }]),
    // Half a minute of slack: sparse screen recordings may have their next frame only then.
    inputs: [uploadInput(input.path, { startSeconds, seconds: 30 })],
    filterGraph: `[0:${video.streamIndex}]${normalise},split=2[large][l];[l]scale=${small.width}:${small.height}:flags=area[small]`,
    outputs: [
      { path: POSTER_FILE, options: options('[small]') },
      { path: POSTER_2X_FILE, options: options('[large]') },
    ],
    timeLimitSeconds: TIME_LIMIT_SECONDS,
  };
}

const CLIP_SHORT_SIDE = 144;
const CLIP_MOST_FPS = 16;
const CLIP_SECONDS = 5;
const CLIP_CRF = 28;

/** A few muted seconds of one of our own renditions, at most so many kbit/s over a buffer of one second. */
export function clipJob(of: FrameSize & { fps: number }, maxKbps: number): FfmpegJob {
  const { width, height } = fitShortSide(of, CLIP_SHORT_SIDE);
  // Every n-th frame, never a resampled rate.
  const step = Math.ceil(of.fps / CLIP_MOST_FPS - 1e-9);
  return {
    name: 'preview-clip',
    jobClass: 'background',
    inputs: [{ path: STRETCH_FILE, options: ['-t', String(CLIP_SECONDS)] }],
    filterGraph: `[0:v]framestep=${step},scale=${width}:${height}:flags=area,setsar=1,setpts=PTS-STARTPTS[v]`,
    outputs: [
      {
        path: CLIP_FILE,
        options: [
          ...[
            '-map',
            '[v]',
            '-an',
            '-c:v',
            'libx264',
            '-preset',
            'medium',
            '-profile:v',
            'high',
            '-pix_fmt',
            'yuv420p',
          ],
          ...['-crf', String(CLIP_CRF), '-maxrate', `${maxKbps}k`, '-bufsize', `${maxKbps}k`],
          ...['-movflags', '+faststart', '-f', 'mp4'],
        ],
      },
    ],
    timeLimitSeconds: TIME_LIMIT_SECONDS,
  };
}
