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
  /** Pre-treatment covariate: ln(throughput in Mbit/s known before the view), 0 when unknown. */
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
] as const;
export type ViewComponent = (typeof VIEW_COMPONENTS)[number];

/** Additive statistics of the exposed, matured views of one (context, arm, decision day): a query over outcomes, never a running sum. */
export const viewStatisticsSchema = z.object({
  context: contextSchema,
  arm: armIdSchema,
  /** Whole days between the decision and the refit. */
  ageDays: z.int().min(0),
  /** Upper triangle, row by row, of Σ zzᵀ with z in the order of VIEW_COMPONENTS; element 0 is the number of views. */
  moments: z.array(z.number()).length((VIEW_COMPONENTS.length * (VIEW_COMPONENTS.length + 1)) / 2),
  /** Unclipped, for the guardrails: Σ stalled ms, Σ played ms. */
  stalledMs: z.number().min(0),
  playedMs: z.number().min(0),
  /** Decided views by class, whether scored or not. */
  decided: z.int().min(0),
  failedToStart: z.int().min(0),
  leftBeforeStart: z.int().min(0),
  unobserved: z.int().min(0),
});
export type ViewStatistics = z.infer<typeof viewStatisticsSchema>;
