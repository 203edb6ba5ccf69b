import type { Codec } from '../../domain/arm.ts';
import type { JobLoad } from './ffmpeg-job.ts';
import type { FrameSize } from './rung-geometry.ts';

/** ffmpeg, its libraries and x264 before the first frame. */
const BASE_BYTES = 60 * 1024 ** 2;
/** Frames of the source alive at once: reference pictures, decoder threads, filter queues. */
const SOURCE_FRAMES = 24;
/** Frames per output alive at once: look-ahead, B-frames, references and their half-size copies, encoder threads. SVT-AV1: as measured. */
const OUTPUT_FRAMES = { h264: 92, av1: 160 };
/** SVT-AV1 is as busy with a pixel as x264 with three. */
const OUTPUT_WORK = { h264: 1, av1: 3 };
/** Each encoder and its filters, however small the picture: tables, threads, heaps that do not shrink. */
const OUTPUT_BYTES = 24 * 1024 ** 2;
/** yuv420p, eight bits. */
const BYTES_PER_PIXEL = 1.5;

type Pictures = FrameSize & { fps: number };
type Output = Pictures & { codec?: Codec | undefined };

/** What one ffmpeg weighs that decodes `source` and makes `outputs` of it in one go. */
export function jobLoad(source: Pictures, outputs: readonly Output[]): JobLoad {
  const pixels = ({ width, height }: FrameSize): number => width * height;
  const rate = (pictures: Pictures): number => pixels(pictures) * pictures.fps;
  const encoder = ({ codec }: Output): 'h264' | 'av1' => (codec === 'av1' ? 'av1' : 'h264');
  const outputRate = outputs.reduce((sum, output) => sum + rate(output) * OUTPUT_WORK[encoder(output)], 0);
  const outputFrames = outputs.reduce((sum, output) => sum + pixels(output) * OUTPUT_FRAMES[encoder(output)], 0);
  return {
    pixelsPerSecond: Math.round(rate(source) + outputRate),
    memoryBytes: Math.round(
      BASE_BYTES + OUTPUT_BYTES * outputs.length + BYTES_PER_PIXEL * (pixels(source) * SOURCE_FRAMES + outputFrames),
    ),
  };
}
