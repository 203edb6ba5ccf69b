import type { LadderRung } from '../../src/domain/arm.ts';
import type { Source } from '../../src/domain/asset.ts';
import type { FfmpegJob } from '../../src/media/plan/ffmpeg-job.ts';
import { type PlannedRendition, planRendition, type SourceIdentity } from '../../src/media/plan/plan-renditions.ts';
import { feasibleRungs, rungLimits } from '../../src/policy/feasible-rungs.ts';
import { BASELINE_ARM_ID, defaultConfig } from '../../src/policy/ladder-families.ts';
import { APPLE_REFERENCE } from '../apple-reference.ts';

const BASELINE =
  defaultConfig({ createdAt: '2026-01-01T00:00:00Z' }).arms.find(({ id }) => id === BASELINE_ARM_ID)?.rungs ?? [];

const APPLE: readonly LadderRung[] = APPLE_REFERENCE.map(([height, bitrateKbps]) => ({
  height,
  bitrateKbps,
  fps: height < 720 ? 30 : 60,
}));

/** The rungs a source is given when nothing is known about it: one table for all. */
export const tableRungs = (source: Source): LadderRung[] => feasibleRungs(BASELINE, rungLimits(source, null));

/** Constant quality of a fixed ladder, where its bitrates allow: what tutorials give for `veryfast`. */
const FIXED_CRF = 23;

/** The table's heights, constant quality capped at the table's bitrates. */
export const fixedLadder = (identity: SourceIdentity): PlannedRendition[] =>
  tableRungs(identity.details.source).map((rung) => ({ ...planRendition(identity, rung, 1), crf: FIXED_CRF }));

/** Apple's heights at Apple's bitrates, up to the source's height. */
export function appleLadder(identity: SourceIdentity): PlannedRendition[] {
  const { width, height } = identity.details.source;
  const fitting = APPLE.filter((rung) => rung.height <= Math.min(width, height) * 1.1);
  return fitting.map((rung) => planRendition(identity, rung, 1));
}

/** The same job, its caps at the bitrates of the table and two seconds of them in the buffer, as capped CRF is usually set. */
export function cappedAtTable(job: FfmpegJob): FfmpegJob {
  const outputs = job.outputs.map(({ path, options }) => {
    const buffer = options[options.indexOf('-bufsize') + 1] ?? '';
    const table = `${Math.round(Number.parseInt(buffer, 10) / 2)}k`;
    const capped = options.map((option, index) => (options[index - 1] === '-maxrate' ? table : option));
    return { path, options: capped };
  });
  return { ...job, outputs };
}

/** What we add to x264's preset. */
const ADDED = ['-trellis', '-rc-lookahead'];

/** The same job by the preset alone, as tutorials give it. */
export function byPresetAlone(job: FfmpegJob): FfmpegJob {
  const outputs = job.outputs.map(({ path, options }) => ({
    path,
    options: options.filter(
      (option, index) => ![option, options[index - 1] ?? ''].some((word) => ADDED.includes(word)),
    ),
  }));
  return { ...job, outputs };
}
