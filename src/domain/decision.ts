import { z } from 'zod';
import { CODECS, codecSchema } from './arm.ts';
import { connectionSchema, contextSchema, deviceSchema, regionSchema } from './context.ts';
import {
  armIdSchema,
  assetIdSchema,
  ownerSchema,
  renditionIdSchema,
  sessionIdSchema,
  versionSchema,
  viewIdSchema,
} from './ids.ts';
import { fallbackLevelSchema } from './policy-documents.ts';
import { rolloutSchema } from './promotion.ts';

/** Why this arm: `learned` by weight, `explore` from the exploration budget, `baseline` share, or forced. */
export const decisionReasonSchema = z.enum(['learned', 'explore', 'baseline', 'pin', 'guard', 'fallback']);
export type DecisionReason = z.infer<typeof decisionReasonSchema>;

/** An arm that could have been given; propensities of one decision sum to 1. Equal `setHash` is one treatment. */
export const eligibleArmSchema = z.object({
  arm: armIdSchema,
  propensity: z.number().min(0).max(1),
  setHash: z.string(),
});
export type EligibleArm = z.infer<typeof eligibleArmSchema>;

export const offeredRungSchema = z.object({
  renditionId: renditionIdSchema,
  width: z.int().positive(),
  height: z.int().positive(),
  bitrateKbps: z.number().positive(),
});
export type OfferedRung = z.infer<typeof offeredRungSchema>;

export const covariatesSchema = z.object({ throughputKbps: z.number().positive().max(10_000_000).optional() });

/** The codec a view is offered, drawn apart from its arm with this probability; 1 where there was nothing to draw. */
export const codecChoiceSchema = z.object({ codec: codecSchema, propensity: z.number().gt(0).max(1) });
export type CodecChoice = z.infer<typeof codecChoiceSchema>;

/**
 * Which arm a view gets, made once, logged with everything that was eligible. `propensity` is the treatment's under the config that
 * decided; while another config is on trial, the probability of config and treatment is `rollout.share` × `propensity`.
 */
export const decisionSchema = z.object({
  viewId: viewIdSchema,
  sessionId: sessionIdSchema,
  assetId: assetIdSchema,
  /** 0 for the first view of this session and asset, +1 for each later one after the first had expired. */
  generation: z.int().min(0),
  decidedAt: z.iso.datetime(),
  configVersion: versionSchema,
  allocationVersion: versionSchema,
  revision: versionSchema,
  context: contextSchema,
  fallbackLevel: fallbackLevelSchema,
  arm: armIdSchema,
  setHash: z.string(),
  propensity: z.number().min(0).max(1),
  eligible: z.array(eligibleArmSchema).min(1),
  reason: decisionReasonSchema,
  rungs: z.array(offeredRungSchema).min(1),
  covariates: covariatesSchema,
  /** What its player had said before the draw that it decodes beside H.264; left out where it had said nothing. */
  decodes: z.array(codecSchema).optional(),
  /** Left out where H.264 was all there was to offer. `propensity` and `eligible` are those given this codec. */
  codec: codecChoiceSchema.optional(),
  /** Left out while no config is on trial. */
  rollout: rolloutSchema.optional(),
});
export type Decision = z.infer<typeof decisionSchema>;

/** A decision as it is logged: joined with what the asset was, so that outcomes can be scored without another look-up. */
export const decisionRecordSchema = decisionSchema.extend({
  owner: ownerSchema,
  /** Keyed hash of the viewer's address block; empty when the request came from a server. */
  block: z.string().max(32),
  liftPanel: z.boolean(),
  holdout: z.boolean(),
  complexityScale: z.number().positive(),
  /** Every rendition of the revision: average kbit/s and quality on this view's device, null until it has been measured. */
  renditions: z.array(z.object({ id: renditionIdSchema, bitrateKbps: z.number(), quality: z.number().nullable() })),
});
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;

/** A view may fetch its manifest for this long; media needs no token. */
export const VIEW_TOKEN_LIFE_MS = 24 * 3_600_000;

/** What the signed view token carries through caches, restarts and new policies. */
export const viewTokenSchema = z.object({
  viewId: viewIdSchema,
  assetId: assetIdSchema,
  revision: versionSchema,
  renditionIds: z.array(renditionIdSchema).min(1),
  arm: armIdSchema,
  configVersion: versionSchema,
  allocationVersion: versionSchema,
  /** When the view was decided, ms: how long it can have been playing. */
  decidedAtMs: z.int().positive(),
  expiresAt: z.int().positive(),
});
export type ViewToken = z.infer<typeof viewTokenSchema>;

export const decisionRequestSchema = z.object({
  sessionId: sessionIdSchema,
  assetId: assetIdSchema,
  region: regionSchema,
  device: deviceSchema,
  connection: connectionSchema.default('unknown'),
  covariates: covariatesSchema.default({}),
  decodes: z.array(codecSchema).max(CODECS.length).optional(),
});
export type DecisionRequest = z.infer<typeof decisionRequestSchema>;
