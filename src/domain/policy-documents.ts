import { z } from 'zod';
import { armSchema } from './arm.ts';
import { contextSchema } from './context.ts';
import { armIdSchema, versionSchema } from './ids.ts';
import { promotionSettingsSchema } from './promotion.ts';

/** Weights of the default reward, in VMAF-like points (LEARNING: "Default reward"). */
export const rewardWeightsSchema = z.object({
  /** Per point of mean seen quality, itself capped at `transparentQuality`. */
  quality: z.number(),
  transparentQuality: z.number().min(0).max(100),
  /** Points lost at a stall ratio of 1; the ratio is clipped at `stallRatioClip`. */
  stallRatio: z.number().min(0),
  stallRatioClip: z.number().min(0).max(1),
  /** Points lost per second of start-up, clipped at `startupClipSeconds`. */
  startupSecond: z.number().min(0),
  startupClipSeconds: z.number().min(0),
  /** Points lost per rung switch per minute, the rate clipped at `switchesPerMinuteClip`. */
  switchPerMinute: z.number().min(0),
  switchesPerMinuteClip: z.number().min(0),
  /** Points lost per delivered Mbit/s. */
  deliveredMbps: z.number().min(0),
  /** Points lost by an exposed view that fatally failed to start. */
  startFailure: z.number().min(0),
});
export type RewardWeights = z.infer<typeof rewardWeightsSchema>;

/** How much may be risked to learn. Shares are 0..1. */
export const explorationSchema = z.object({
  /** Baseline share before anything is known, and the least it ever falls to. */
  baselineShareStart: z.number().min(0).max(1),
  baselineShareFloor: z.number().min(0).max(1),
  /** Share of a context's views spent on exploring plausible arms, in total, not per arm. */
  budget: z.number().min(0).max(1),
  /** An arm whose P(best) is below this is not plausible and gets no exploration. */
  plausiblePBest: z.number().min(0).max(1),
  /** Learned weights are P(best) to this power: above 1, what is likely best gets more than its chance, and trying is left to `budget`. */
  sharpness: z.number().min(1).max(8).default(1),
  posteriorDraws: z.int().min(100).max(20_000),
  /** Share of the baseline's reward that exploring a context may cost it, summed over all its views: surely no more. */
  lossShare: z.number().min(0).max(1).default(0.05),
});

/** Prior and noise of the hierarchical Gaussian model, all in reward points. */
export const modelSchema = z.object({
  priorSd: z.object({
    arm: z.number().positive(),
    region: z.number().positive(),
    device: z.number().positive(),
    cell: z.number().positive(),
    /** Points per unit of what a ladder is on a context's lines: everywhere, how devices differ, how regions do, how cells do. */
    response: z.number().min(0).default(0),
    responseDevice: z.number().min(0).default(0),
    responseRegion: z.number().min(0).default(0),
    responseCell: z.number().min(0).default(0),
  }),
  /** Standard deviation of one view's reward where too few views exist to measure it. */
  noiseSd: z.number().positive(),
  /** Weight of a day-old view relative to today's, 0..1. */
  dailyDecay: z.number().min(0).max(1),
});

/** An arm is dropped from a context when P(worse than baseline by `harmPoints`) exceeds `harmProbability`. */
export const guardrailsSchema = z.object({
  harmPoints: z.number().min(0),
  harmProbability: z.number().min(0).max(1),
  /** An arm whose unclipped stall ratio exceeds the baseline's by more than this, surely, reverts at once. */
  stallRatioExcess: z.number().min(0).max(1),
  startFailureExcess: z.number().min(0).max(1),
  minViews: z.int().min(1),
});

/** Encode-side choices: how many rungs, and which assets are randomised for the causal effect of encoding. */
export const encodeSettingsSchema = z.object({
  maxRungs: z.int().min(1).max(16),
  /** Rungs closer than this ratio are merged. */
  mergeRatio: z.number().min(1),
  holdoutShare: z.number().min(0).max(1),
  liftPanelShare: z.number().min(0).max(1),
  /** Assets that get more rungs than their plan wants, so that every arm stays testable somewhere. */
  supersetShare: z.number().min(0).max(1).default(0.02),
  supersetRungs: z.int().min(1).max(24).default(16),
  /** Points a rung must bring to the audience beside its price: every rung thins what edge caches hold of the others. */
  rungCostPoints: z.number().min(0),
  /** What making, keeping and sending costs, in US cents; `deliveredMbps` of the reward says what that is in points. */
  prices: z
    .object({
      cpuHour: z.number().min(0),
      storedGbMonth: z.number().min(0),
      egressGb: z.number().min(0),
      /** How long an asset is kept. */
      keptMonths: z.number().min(0),
    })
    .default({ cpuHour: 4, storedGbMonth: 2, egressGb: 2, keptMonths: 12 }),
});

/** A policy *config*: promoted like a release, a new number for every change. */
export const policyConfigSchema = z.object({
  configVersion: versionSchema,
  parent: versionSchema.nullable(),
  createdAt: z.iso.datetime(),
  actor: z.string().min(1).max(128),
  reason: z.string().min(1).max(1024),
  /** Takes effect by stages; otherwise as a whole. */
  staged: z.boolean().default(false),
  arms: z
    .array(armSchema)
    .min(1)
    .refine((arms) => arms.filter((arm) => arm.baseline).length === 1, { error: 'expected exactly one baseline arm' })
    .refine((arms) => new Set(arms.map((arm) => arm.id)).size === arms.length, { error: 'expected unique arm ids' }),
  reward: rewardWeightsSchema,
  exploration: explorationSchema,
  model: modelSchema,
  guardrails: guardrailsSchema,
  encode: encodeSettingsSchema,
  promotion: promotionSettingsSchema.prefault({}),
});
export type PolicyConfig = z.infer<typeof policyConfigSchema>;

/** How specific the evidence behind an entry is; `cold` is the prior alone. */
export const fallbackLevelSchema = z.enum(['cell', 'region', 'global', 'cold']);
export type FallbackLevel = z.infer<typeof fallbackLevelSchema>;

/** Why an arm is out of a context: surely less reward, more stalling, more failed starts, or outcomes that go missing. */
export const guardSchema = z.enum(['ok', 'harm', 'stall', 'start-failure', 'missing']);

/** Ways of a view not to have an outcome: a fatal error before its start, left before it, never heard of. */
export const missingKindSchema = z.enum(['failed', 'left', 'unobserved']);

export const armAllocationSchema = z.object({
  arm: armIdSchema,
  /** Probability of this arm when all arms are eligible; the weights of a context sum to 1. */
  weight: z.number().min(0).max(1),
  /** Posterior of the arm's reward in this context, points. */
  mean: z.number(),
  sd: z.number().min(0),
  pBest: z.number().min(0).max(1),
  /** Views behind the arm in this context after decay. */
  effectiveN: z.number().min(0),
  guard: guardSchema,
});
export type ArmAllocation = z.infer<typeof armAllocationSchema>;

export const contextAllocationSchema = contextSchema.extend({
  level: fallbackLevelSchema,
  baselineShare: z.number().min(0).max(1),
  arms: z.array(armAllocationSchema).min(1),
  /**
   * Of the arms' mean rewards, points²: the lower triangle row by row, in their order. On assets where only some arms are eligible, or
   * some are the same, P(best) is that of what is left. Left out of entries without a posterior.
   */
  covariance: z.array(z.number()).optional(),
  /** What exploring has gained over the baseline by now, and what it may cost; left out of entries without a posterior. */
  ledger: z
    .object({
      /** Views it is about, age-weighted; 0 where the context has none of its own. */
      views: z.number().min(0),
      /** Points over all of them, and what they surely are at least. */
      gain: z.number(),
      gainLow: z.number(),
      /** Points that may be lost per view. */
      allowance: z.number().min(0),
      /** `baselineShare` as it would be without the ledger. */
      wantedBaselineShare: z.number().min(0).max(1),
    })
    .optional(),
});
export type ContextAllocation = z.infer<typeof contextAllocationSchema>;

/** Whether chance alone divided the views, and whether all of them are heard of alike; over all contexts, at every look at once. */
export const outcomeChecksSchema = z.object({
  /** Views given to each arm beside what their propensities add up to. */
  sampleRatio: z.array(
    z.object({ arm: armIdSchema, observed: z.number().min(0), expected: z.number().min(0), differs: z.boolean() }),
  ),
  /** Share of an arm's views without an outcome above the baseline's, and where it surely lies (−1 to 1). */
  missing: z.array(
    z.object({
      arm: armIdSchema,
      kind: missingKindSchema,
      views: z.number().min(0),
      excess: z.number(),
      low: z.number(),
      high: z.number(),
      differs: z.boolean(),
    }),
  ),
});

export type OutcomeChecks = z.infer<typeof outcomeChecksSchema>;

/** Arm weights per context under one config: refreshed by every refit, never promoted. */
export const allocationSchema = z.object({
  allocationVersion: versionSchema,
  configVersion: versionSchema,
  createdAt: z.iso.datetime(),
  seed: z.int(),
  views: z.object({ matured: z.int().min(0), used: z.int().min(0) }),
  /** Fingerprint of the statistics and config this was fitted from: same fingerprint, nothing new. */
  basis: z.string(),
  contexts: z.array(contextAllocationSchema).min(1),
  /** How much effects of each kind vary (sd, points), as measured on so many views: refits keep it until there are enough more. */
  effects: z
    .object({
      views: z.number().min(0),
      sds: z.object({
        arm: z.number().positive(),
        region: z.number().positive(),
        device: z.number().positive(),
        cell: z.number().positive(),
        response: z.number().positive(),
        responseDevice: z.number().positive(),
        responseRegion: z.number().positive().default(0.0001),
        responseCell: z.number().positive(),
      }),
    })
    .optional(),
  checks: outcomeChecksSchema.optional(),
  /** Cells whose views since some day are unlike those before, which are set aside there: worth telling people. */
  changes: z
    .array(
      z.object({
        context: contextSchema,
        ageDays: z.int().min(0),
        moved: z.enum(['throughput', 'reward']),
        standardErrors: z.number().min(0),
      }),
    )
    .optional(),
});
export type Allocation = z.infer<typeof allocationSchema>;
