import { z } from 'zod';
import { contextSchema } from './context.ts';
import { armIdSchema } from './ids.ts';

/**
 * What is remembered of one view, in this order: the constant, the covariate, then the reward's clipped components.
 * Rewards are linear in these, so weights can change and history be re-scored.
 */
export const VIEW_COMPONENTS = [
  /** Always 1. */
  'one',
  /** Pre-treatment covariate: ln(throughput in Mbit/s known before the view, winsorised), 0 when unknown. */
  'throughput',
  /** Play-time mean of min(quality, transparent), points. */
  'quality',
  /** Stalled ÷ (played + stalled), clipped. */
  'stall',
  /** Start-up seconds, clipped. */
  'startup',
  /** Rung switches per minute, clipped. */
  'switches',
  /** Delivered Mbit/s. */
  'mbps',
  /** 1 when the exposed view fatally failed before its first frame. */
  'failure',
  /** Pre-treatment covariate: points the asset's renditions promise this screen, as far as this line was known to go. */
  'prospect',
] as const;
/** Throughput counts as at least and at most this (kbit/s): beyond it no ladder differs, and an outage would pass for a very slow line. */
export const COVARIATE_KBPS = { least: 100, most: 100_000 } as const;
export type ViewComponent = (typeof VIEW_COMPONENTS)[number];

/** Address blocks are spread over this many buckets, so that robust statistics can take medians over them. */
export const STATISTICS_BUCKETS = 256;

/** Components that are clipped, and may be found at their clip. */
export const CLIPPED_COMPONENTS = [
  'quality',
  'stall',
  'startup',
  'switches',
] as const satisfies readonly ViewComponent[];

const weight = z.number().min(0);

/**
 * Additive statistics of the exposed, matured, plausible views of one (allocation, context, arm, eligible set, decision day, bucket):
 * a query over outcomes, never a running sum. Views of an address block that has more than its share weigh less than 1, in
 * every figure. Where there would be too many rows, some keys are merged and say so.
 */
export const viewStatisticsSchema = z.object({
  context: contextSchema,
  arm: armIdSchema,
  /** 0 where allocations are merged. */
  allocationVersion: z.int().min(0),
  /** Names which arms were to be had, and which of them were one treatment; empty where merged. */
  eligibleSet: z.string(),
  /** Of the viewer's address block, or of the view where there is none; 0 where merged. */
  bucket: z
    .int()
    .min(0)
    .max(STATISTICS_BUCKETS - 1),
  /** Whole days between the decision and the refit; the middle of the week where days are merged. */
  ageDays: z.int().min(0),
  /** Upper triangle, row by row, of Σ zzᵀ with z in the order of VIEW_COMPONENTS; element 0 is the number of views. */
  moments: z.array(z.number()).length((VIEW_COMPONENTS.length * (VIEW_COMPONENTS.length + 1)) / 2),
  /** How many of these views are at the clip of each component. */
  clipped: z.object({ quality: weight, stall: weight, startup: weight, switches: weight }),
  /** Unclipped, for the guardrails: Σ stalled ms, Σ played ms. */
  stalledMs: weight,
  playedMs: weight,
  /** Decided views by class, whether scored or not. */
  decided: weight,
  failedToStart: weight,
  leftBeforeStart: weight,
  unobserved: weight,
  /** Decided views that were taken off because their address blocks had too many: the capped share is this ÷ (this + decided). */
  capped: weight,
  /** Decided views that claim to have lasted longer than they can have; not scored. */
  implausible: weight,
});
export type ViewStatistics = z.infer<typeof viewStatisticsSchema>;
