import { type FfmpegJob, type SourceWindow, uploadInput } from './ffmpeg-job.ts';
import type { JobSource } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import { type FrameSize, fitShortSide } from './rung-geometry.ts';

/** File the complexity job writes; its size is the measurement. */
export const COMPLEXITY_FILE = 'complexity.h264';

const PROBE_SHORT_SIDE = 360;
const PROBE_CRF = 23;
const WINDOW_SECONDS = 3;

/**
 * What reference content takes at CRF 23 veryfast as 640×360 at 30 fps, kbit/s: ordinary camera and animation footage sits
 * around it, talking heads at half, sports and grain at twice.
 */
const REFERENCE_KBPS = 450;
const REFERENCE_PIXELS = 640 * 360;
const REFERENCE_FPS = 30;

/** Bits grow slower than pixels and frames: neighbours in space and time resemble each other. */
const PIXEL_EXPONENT = 0.75;
const FPS_EXPONENT = 0.6;

/** Beyond these the measurement says more about the probe than about the content. */
const SCALE_LIMITS = { least: 0.35, most: 2 };

/** For containers that cannot seek: their beginning. */
export const openingWindow: readonly SourceWindow[] = [{ startSeconds: 0, seconds: WINDOW_SECONDS }];

/** Two short windows, a quarter and two thirds in; the whole file when it is hardly longer than they are. */
export function complexityWindows(durationMs: number): SourceWindow[] {
  const seconds = durationMs / 1000;
  if (seconds <= 3 * WINDOW_SECONDS) return [{ startSeconds: 0, seconds: Math.max(seconds, 0.1) }];
  return [0.25, 0.65].map((share) => ({ startSeconds: seconds * share, seconds: WINDOW_SECONDS }));
}

/** How many bits this content needs at constant quality: the windows at 360p, CRF 23. */
export function complexityJob(input: JobSource, windows: readonly SourceWindow[]): FfmpegJob {
  const { details } = input;
  const target = { size: fitShortSide(details.source, PROBE_SHORT_SIDE), fps: details.source.fps };
  const normalise = normaliseFilters(details.video, target, input.capabilities);
  const parts = windows.map((_, index) => `[${index}:${details.video.streamIndex}]${normalise}[w${index}]`);
  const joined = `${windows.map((_, index) => `[w${index}]`).join('')}concat=n=${windows.length}:v=1:a=0[v]`;
  return {
    name: 'complexity',
    jobClass: 'background',
    inputs: windows.map((window) => uploadInput(input.path, window)),
    filterGraph: [...parts, joined].join(';'),
    outputs: [
      {
        path: COMPLEXITY_FILE,
        options: [
          '-map',
          '[v]',
          '-an',
          '-c:v',
          'libx264',
          '-preset',
          'veryfast',
          '-crf',
          String(PROBE_CRF),
          '-f',
          'h264',
        ],
      },
    ],
    timeLimitSeconds: 120,
  };
}

/** Bitrate this content needs relative to reference content, 0.35..2, from what the complexity job wrote. */
export function complexityScale(measured: { bytes: number; seconds: number; size: FrameSize; fps: number }): number {
  const kbps = (measured.bytes * 8) / 1000 / measured.seconds;
  const pixels = measured.size.width * measured.size.height;
  const reference =
    REFERENCE_KBPS * (pixels / REFERENCE_PIXELS) ** PIXEL_EXPONENT * (measured.fps / REFERENCE_FPS) ** FPS_EXPONENT;
  const scale = Math.min(SCALE_LIMITS.most, Math.max(SCALE_LIMITS.least, kbps / reference));
  return Number(scale.toFixed(3));
}

/** The size the complexity job encodes at. */
export const complexitySize = (source: FrameSize): FrameSize => fitShortSide(source, PROBE_SHORT_SIDE);
