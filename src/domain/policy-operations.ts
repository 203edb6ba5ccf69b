import { z } from 'zod';
import { connectionSchema, deviceSchema, regionSchema } from './context.ts';
import { armIdSchema, versionSchema } from './ids.ts';
import { promotionEvidenceSchema, promotionStageSchema } from './promotion.ts';

/** Who changes the policy, and why: part of every write, kept with it. */
export const accountabilitySchema = z.object({
  actor: z.string().trim().min(1).max(128),
  reason: z.string().trim().min(1).max(1024),
});
export type Accountability = z.infer<typeof accountabilitySchema>;

/** One arm for every view of a region and device (and connection, unless that is null) until it expires. */
export const pinSchema = accountabilitySchema.extend({
  id: z.string().regex(/^pin-\d+$/, { error: 'expected pin- and a number' }),
  region: regionSchema,
  device: deviceSchema,
  connection: connectionSchema.nullable(),
  arm: armIdSchema,
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
export type Pin = z.infer<typeof pinSchema>;

/** A staged config comes to a stage, by what was known then; its last one counts. */
export const stageOperationSchema = accountabilitySchema.extend({
  kind: z.literal('stage'),
  number: versionSchema,
  at: z.iso.datetime(),
  configVersion: versionSchema,
  stage: promotionStageSchema,
  /** Of new views. */
  share: z.number().min(0).max(1),
  /** Stays at this stage until somebody says otherwise, unless it does harm. */
  held: z.boolean().default(false),
  /** The allocation that a shadow is scored by, fitted before the views it is scored on; null until there is one. */
  shadowAllocation: versionSchema.nullable().default(null),
  evidence: promotionEvidenceSchema.optional(),
});
export type StageOperation = z.infer<typeof stageOperationSchema>;

/** What was done that is no config: numbered documents, never changed, the audit of themselves. */
export const policyOperationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pin'), number: versionSchema, pin: pinSchema }),
  accountabilitySchema.extend({
    kind: z.literal('unpin'),
    number: versionSchema,
    at: z.iso.datetime(),
    pinId: pinSchema.shape.id,
  }),
  stageOperationSchema,
]);
export type PolicyOperation = z.infer<typeof policyOperationSchema>;
