import { type FfmpegInput, type FfmpegJob, uploadInput } from './ffmpeg-job.ts';
import { rationalFps } from './frame-rate.ts';
import type { JobSource } from './job-source.ts';
import { normaliseFilters } from './normalise-graph.ts';
import { comparisonFilter, type Display, type QualityMetric, qualityMetric } from './quality-metric.ts';
import { type FrameSize, fitShortSide } from './rung-geometry.ts';

/**
 * Display sizes quality is judged at, short side in pixels: what an eye resolves on a phone in the hand, and a desktop
 * player at full size. Never above the source: what it lacks is no rendition's fault.
 */
const PHONE_SHORT_SIDE = 360;
const DESKTOP_SHORT_SIDE = 1080;

/**
 * Comparing ten frames a second instead of all gives the same mean within noise for a third of the CPU. Only frames that
 * every rendition has are compared: a lower frame rate is judged by its pictures, not by the ones it leaves out.
 */
const COMPARED_FPS = 10;

/** Source frames decoded ahead of the window, so that the frame-rate filter settles on the same grid as the encode. */
const PREROLL_FRAMES = 8;

/** One window: a segment, the same on every rendition. */
export type QualityWindow = { segmentIndex: number; startSeconds: number; seconds: number };

/** A quarter and two thirds in. */
const TWO_PLACES = [0.25, 0.65];

/** So many places, evenly over a title. */
export const evenPlaces = (count: number): number[] => Array.from({ length: count }, (_, n) => (n + 0.5) / count);

/** A window at each place (0..1 of the title), from segments of at least half the usual length; fewer when there are fewer. */
export function qualityWindows(
  segments: readonly { durationMs: number }[],
  places: readonly number[] = TWO_PLACES,
): QualityWindow[] {
  let startMs = 0;
  const all = segments.map(({ durationMs }, segmentIndex) => {
    const window = { segmentIndex, startSeconds: startMs / 1000, seconds: durationMs / 1000 };
    startMs += durationMs;
    return window;
  });
  const longest = Math.max(...all.map((window) => window.seconds));
  const usable = all.filter((window) => window.seconds >= longest / 2);
  const chosen = places.map((place) => usable[Math.floor(usable.length * place)]);
  return [...new Set(chosen)].filter((window) => window !== undefined);
}

/** The first segment, whatever its length. */
export const openingWindow = (segments: readonly { durationMs: number }[]): QualityWindow => ({
  segmentIndex: 0,
  startSeconds: 0,
  seconds: (segments[0]?.durationMs ?? 0) / 1000,
});

/** The source from a little before a window. */
export function windowInput(input: JobSource, window: QualityWindow): FfmpegInput {
  const seconds = prerollFrames(input, window) / input.details.source.fps;
  return uploadInput(input.path, {
    startSeconds: window.startSeconds - seconds,
    seconds: window.seconds + seconds + 1,
  });
}

/** The frames of a window as a rendition of `size` has them before it is encoded, from 0; the graph's first input. */
export function windowFilters(input: JobSource, window: QualityWindow, size: FrameSize): string {
  const { details } = input;
  const { fps } = details.source;
  const preroll = prerollFrames(input, window);
  return [
    `[0:${details.video.streamIndex}]${normaliseFilters(details.video, { size, fps }, input.capabilities)}`,
    `trim=start_frame=${preroll}:end_frame=${preroll + Math.round(window.seconds * fps)}`,
    'setpts=PTS-STARTPTS',
  ].join(',');
}

const prerollFrames = (input: JobSource, window: QualityWindow): number =>
  Math.min(PREROLL_FRAMES, Math.round(window.startSeconds * input.details.source.fps));

/** All renditions of one window against the normalised source, at both display sizes, in one process. */
export function qualityJob(
  input: JobSource,
  window: QualityWindow,
  renditions: readonly { path: string; fps: number }[],
): FfmpegJob {
  const renditionPaths = renditions.map(({ path }) => path);
  const { details } = input;
  const { fps } = details.source;
  const desktop = fitShortSide(details.source, DESKTOP_SHORT_SIDE);
  const metric = qualityMetric(input.capabilities);
  const phone = metric === 'vmaf' ? desktop : fitShortSide(details.source, PHONE_SHORT_SIDE);
  const step = `framestep=${comparedStep(
    fps,
    renditions.map((rendition) => rendition.fps),
  )}`;
  const branches = renditionPaths.flatMap((_, index) => compare(index, { metric, desktop, phone, step, fps }));
  return {
    name: 'quality',
    jobClass: 'background',
    inputs: [
      windowInput(input, window),
      ...renditionPaths.map((path) => ({ path, options: ['-protocol_whitelist', 'file'] })),
    ],
    filterGraph: [
      `${windowFilters(input, window, desktop)},${step},split=2[source][small]`,
      `[source]split=${renditionPaths.length}${labels('desktop', renditionPaths.length)}`,
      `[small]${scaleTo(phone)},split=${renditionPaths.length}${labels('phone', renditionPaths.length)}`,
      ...branches,
    ].join(';'),
    outputs: [
      {
        path: '-',
        options: [...renditionPaths.flatMap((_, i) => ['-map', `[d${i}]`, '-map', `[p${i}]`]), '-f', 'null'],
      },
    ],
    timeLimitSeconds: 600,
  };
}

/** Every how many frames of the source are compared: a multiple of every rendition's divisor. */
export function comparedStep(sourceFps: number, renditionFps: readonly number[]): number {
  const shared = renditionFps.map((fps) => Math.round(sourceFps / fps)).reduce(leastCommonMultiple, 1);
  return shared * Math.max(1, Math.round(sourceFps / COMPARED_FPS / shared));
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const leastCommonMultiple = (a: number, b: number): number => (a * b) / divisor(a, b);

type Comparison = { metric: QualityMetric; desktop: FrameSize; phone: FrameSize; step: string; fps: number };

function compare(index: number, at: Comparison): string[] {
  const filter = (display: Display): string => comparisonFilter(at.metric, index, display);
  return [
    `[${index + 1}:v:0]setpts=PTS-STARTPTS,fps=fps=${rationalFps(at.fps)}:start_time=0,${at.step},split=2[x${index}][y${index}]`,
    `[x${index}]${scaleTo(at.desktop)}[xs${index}];[xs${index}][desktop${index}]${filter('desktop')}[d${index}]`,
    `[y${index}]${scaleTo(at.phone)}[ys${index}];[ys${index}][phone${index}]${filter('phone')}[p${index}]`,
  ];
}

const scaleTo = ({ width, height }: FrameSize): string => `scale=${width}:${height}:flags=bicubic,setsar=1`;

const labels = (name: string, count: number): string =>
  Array.from({ length: count }, (_, index) => `[${name}${index}]`).join('');
