import { z } from 'zod';
import { versionSchema } from './ids.ts';

/** Where a staged config is on its way: scored from logged views, then given to a few, to more, to everyone; or to nobody. */
export const promotionStageSchema = z.enum(['shadow', 'canary', 'ramp', 'active', 'rolled-back']);
export type PromotionStage = z.infer<typeof promotionStageSchema>;

const share = z.number().min(0).max(1);

/** How a staged config earns its share of views. The settings of the config in force count, never those of the one on trial. */
export const promotionSettingsSchema = z.object({
  canaryShare: share.default(0.05),
  /** Rising; the last is kept until it is decided. */
  rampShares: z.array(share).min(1).default([0.25, 0.5]),
  /** Views with an outcome that either side must have had, times the number of the stage, before it is left. */
  minViews: z.int().min(1).default(200),
  /** (Σw)² ÷ Σw² of the logged views that a shadow is scored by. */
  minEffectiveViews: z.number().min(1).default(300),
  /** Chance that a config as good as the one in force is ever taken for a better or a worse one. */
  alpha: z.number().gt(0).lt(1).default(0.05),
  /** Points per view by which it must surely be better. */
  marginPoints: z.number().min(0).default(0),
  /** Days after which a trial that has decided nothing is ended. */
  patienceDays: z.number().positive().default(28),
});

/** The trial a view was part of: the config on trial, its stage, and the probability of the config that decided this view. */
export const rolloutSchema = z.object({
  trialVersion: versionSchema,
  stage: z.enum(['canary', 'ramp']),
  share,
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** Candidate minus control, with the interval that holds at every look at once. */
const comparedSchema = z.object({ difference: z.number(), low: z.number().nullable(), high: z.number().nullable() });

/** What is known of a candidate: from views that others decided, and from its own beside those of the config in force. */
export const promotionEvidenceSchema = z.object({
  shadow: z
    .object({
      views: z.number().min(0),
      effectiveViews: z.number().min(0),
      /** Probability that it would have put on arms the logged decisions could not give; only the model speaks for these. */
      unsupportedShare: share,
      /** Mean reward a view: as logged, and as the candidate would have had it, by three estimators. */
      logged: z.number(),
      snips: z.number(),
      dr: z.number(),
      dros: z.number(),
      /** DRos minus logged, paired by view. */
      gain: comparedSchema,
    })
    .nullable(),
  trial: z
    .object({
      views: z.number().min(0),
      controlViews: z.number().min(0),
      /** Points per view, by the candidate's reward. */
      reward: comparedSchema,
      /** Stalled ÷ (played + stalled), unclipped. */
      stallRatio: comparedSchema,
      /** Failed to start ÷ heard of. */
      startFailure: comparedSchema,
      /** Never heard of ÷ decided: what is missing cannot be scored. */
      unheard: comparedSchema,
    })
    .nullable(),
});
export type PromotionEvidence = z.infer<typeof promotionEvidenceSchema>;
export type Compared = z.infer<typeof comparedSchema>;
