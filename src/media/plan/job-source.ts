import type { FfmpegCapabilities } from './normalise-graph.ts';
import type { SourceDetails } from './source-details.ts';

/** Where a job reads and how it may: what all jobs of one source have in common. */
export type JobSource = { path: string; details: SourceDetails; capabilities: FfmpegCapabilities };

/** A stuck ffmpeg is killed in the end; a merely slow one (4K on a busy machine) is not. */
export const timeLimitSeconds = (durationMs: number, slowestRatio: number): number =>
  120 + (durationMs / 1000) * slowestRatio;
