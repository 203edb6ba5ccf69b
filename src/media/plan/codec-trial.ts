import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Quality, renditionIdSchema, type StoredRendition } from '../../domain/index.ts';
import { AV1_PRESET, AV1_VERSION, svtAv1Options } from './av1-settings.ts';
import type { FfmpegJob } from './ffmpeg-job.ts';
import { gopSeconds } from './frame-rate.ts';
import type { JobSource } from './job-source.ts';
import type { Candidate } from './per-title/analysis-grid.ts';
import { analysisJob } from './per-title/analysis-job.ts';
import type { PlannedRendition, SourceIdentity } from './plan-renditions.ts';
import type { QualityWindow } from './quality-job.ts';
import { shortSide } from './rung-geometry.ts';

/** What a title's rungs could be in AV1; written once for the rungs it is of, so that a repeated job makes the same renditions. */
export const codecTrialSchema = z.object({
  version: z.literal(1),
  /** Ids of the renditions to be stood for, sorted. */
  of: z.array(renditionIdSchema),
  twins: z.array(
    z.object({
      standsFor: renditionIdSchema,
      /** The constant quality that looks as good; null where none does. */
      crf: z.int().nullable(),
      /** What it took on the windows, kbit/s, and what the rendition takes there. */
      kbps: z.number().positive(),
      insteadOfKbps: z.number().positive(),
    }),
  ),
});
export type CodecTrial = z.infer<typeof codecTrialSchema>;

/** One encode of a rung on the windows, or the rung itself. */
export type CodecSample = { crf: number; kbps: number; quality: Quality };

/** Constant qualities between which x264's usual ones have their equals; the second depends on what the first looked like. */
const CRFS = { first: 40, ifBetter: 52, ifWorse: 28 } as const;
/** Beyond these nothing is tried. */
const CRF_RANGE = { least: 20, most: 58 } as const;
/** The third is where the two before say that the answer is: quality bends between and beyond them. */
export const TRIAL_ROUNDS = 3;

type LooksAsGood = (quality: Quality) => boolean;

/** What to try on a rung that was tried so far at these. */
export function nextCrf(tried: readonly CodecSample[], looksAsGood: LooksAsGood): number {
  const [first, second] = tried;
  if (!first) return CRFS.first;
  if (!second) return looksAsGood(first.quality) ? CRFS.ifBetter : CRFS.ifWorse;
  return settleCrf(tried, looksAsGood)?.crf ?? CRF_RANGE.least;
}

/** The highest whole constant quality that looks as good by straight lines through samples, and its rate; null where none does. */
export function settleCrf(
  samples: readonly CodecSample[],
  looksAsGood: LooksAsGood,
): { crf: number; kbps: number } | null {
  for (let crf: number = CRF_RANGE.most; crf >= CRF_RANGE.least; crf -= 1) {
    const { quality, kbps } = between(samples, crf);
    if (looksAsGood(quality)) return { crf, kbps };
  }
  return null;
}

/** On the line through the two samples nearest to it: a lower number looks better and weighs more, the rate by its logarithm. */
function between(samples: readonly CodecSample[], crf: number): CodecSample {
  const distinct = [...new Map(samples.map((sample) => [sample.crf, sample])).values()];
  const rising = distinct.sort((left, right) => left.crf - right.crf);
  const above = rising.findIndex((sample) => sample.crf >= crf);
  const upper = above === -1 ? rising.length - 1 : Math.max(1, above);
  const [low, high] = [rising[upper - 1], rising[upper]];
  if (!low || !high) throw new RangeError(`samples: expected at least two (got ${rising.length})`);
  const share = (crf - low.crf) / (high.crf - low.crf);
  const line = (from: number, to: number): number => from + share * (to - from);
  const of = (device: keyof Quality): number => line(low.quality[device], high.quality[device]);
  return {
    crf,
    kbps: Math.exp(line(Math.log(low.kbps), Math.log(high.kbps))),
    quality: { phone: of('phone'), tablet: of('tablet'), desktop: of('desktop'), tv: of('tv') },
  };
}

/** One encode of a rung on a window. */
export type CodecCandidate = Candidate & { targetKbps: number };

/** All candidates of one window in AV1, as renditions would be made. */
export function codecTrialJob(
  input: JobSource,
  window: QualityWindow,
  candidates: readonly CodecCandidate[],
): FfmpegJob {
  const seconds = gopSeconds(input.details.source.fps);
  const options = (candidate: CodecCandidate): string[] =>
    svtAv1Options(candidate, Math.round(seconds * candidate.fps));
  const job = analysisJob(input, window, candidates, { codec: 'av1', options });
  return { ...job, name: 'codec-trial', jobClass: 'background' };
}

/** The rendition that stands for another one in AV1. Its id says everything its bytes depend on. */
export function av1Twin({ uploadKey, details }: SourceIdentity, rung: StoredRendition, crf: number): PlannedRendition {
  const { width, height, fps, targetKbps } = rung;
  const shape = [AV1_VERSION, AV1_PRESET, uploadKey, width, height, fps.toFixed(4), targetKbps, crf];
  const hash = createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 8);
  return {
    id: `${shortSide(rung)}p-${Math.round(targetKbps)}k-av1-${hash}`,
    size: { width, height },
    fps,
    targetKbps,
    crf,
    codec: 'av1',
    preset: AV1_PRESET,
    gopSeconds: gopSeconds(details.source.fps),
  };
}
