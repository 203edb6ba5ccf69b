import type { JobLoad } from './ffmpeg-job.ts';
import type { FrameSize } from './rung-geometry.ts';

/** ffmpeg, its libraries and x264 before the first frame. */
const BASE_BYTES = 60 * 1024 ** 2;
/** Frames of the source alive at once: reference pictures, decoder threads, filter queues. */
const SOURCE_FRAMES = 24;
/** Frames per output alive at once: look-ahead, B-frames, references and their half-size copies, encoder threads. */
const OUTPUT_FRAMES = 64;
/** Each encoder and its filters, however small the picture: tables, threads, heaps that do not shrink. */
const OUTPUT_BYTES = 24 * 1024 ** 2;
/** yuv420p, eight bits. */
const BYTES_PER_PIXEL = 1.5;

type Pictures = FrameSize & { fps: number };

/** What one ffmpeg weighs that decodes `source` and makes `outputs` of it in one go. */
export function jobLoad(source: Pictures, outputs: readonly Pictures[]): JobLoad {
  const pixels = ({ width, height }: FrameSize): number => width * height;
  const rate = (pictures: Pictures): number => pixels(pictures) * pictures.fps;
  const outputPixels = outputs.reduce((sum, output) => sum + pixels(output), 0);
  return {
    pixelsPerSecond: Math.round(rate(source) + outputs.reduce((sum, output) => sum + rate(output), 0)),
    memoryBytes: Math.round(
      BASE_BYTES +
        OUTPUT_BYTES * outputs.length +
        BYTES_PER_PIXEL * (pixels(source) * SOURCE_FRAMES + outputPixels * OUTPUT_FRAMES),
    ),
  };
}
