import { z } from 'zod';
import { armSchema, assetSchema, contextAllocationSchema, decisionSchema } from '../../domain/index.ts';

// What the demo reads of each answer, and no more: a field that is added elsewhere breaks nothing here.

export const assetReplySchema = assetSchema.pick({
  id: true,
  state: true,
  availability: true,
  timings: true,
  plan: true,
  renditions: true,
  error: true,
});
export type AssetReply = z.output<typeof assetReplySchema>;

export const decisionsReplySchema = z.object({
  decisions: z.array(
    z.union([
      decisionSchema.pick({
        sessionId: true,
        assetId: true,
        viewId: true,
        arm: true,
        eligible: true,
        fallbackLevel: true,
        rungs: true,
      }),
      z.object({ sessionId: z.string().nullable(), error: z.object({ code: z.string(), message: z.string() }) }),
    ]),
  ),
});
export type DecidedReply = Exclude<z.output<typeof decisionsReplySchema>['decisions'][number], { error: unknown }>;

export const ingestReplySchema = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.array(z.object({ index: z.int(), errors: z.array(z.unknown()) })),
});

export const auditReplySchema = z.object({
  received: z.int(),
  stored: z.int(),
  duplicates: z.int(),
  deadLettered: z.int(),
  distinctEvents: z.int(),
});

export const policyReplySchema = z.object({
  configVersion: z.int(),
  allocationVersion: z.int(),
  contexts: z.array(contextAllocationSchema),
});
export type PolicyReply = z.output<typeof policyReplySchema>;

/** `GET /v1/policy/explain`: the sentences of it. */
export const explainReplySchema = z.object({ summary: z.string() });

export const armsReplySchema = z.object({ arms: z.array(armSchema) });

export const learnReplySchema = z.union([
  z.object({
    configVersion: z.int(),
    allocationVersion: z.int(),
    changed: z.boolean(),
    views: z.object({ matured: z.int(), used: z.int() }),
    durationMs: z.number(),
  }),
  z.object({ status: z.literal('running') }),
]);

const metricSchema = z.object({ numerator: z.number(), denominator: z.number(), n: z.number() });

export const qoeReplySchema = z.object({
  groups: z.array(
    z.object({
      region: z.string(),
      device: z.string(),
      arm: z.string(),
      views: z.int(),
      started: z.int(),
      failedToStart: z.int(),
      leftBeforeStart: z.int(),
      unobserved: z.int(),
      metrics: z.object({
        stallRatio: metricSchema,
        seenQuality: metricSchema,
        bitrateKbps: metricSchema,
        reward: metricSchema,
      }),
    }),
  ),
});
export type QoeGroupReply = z.output<typeof qoeReplySchema>['groups'][number];
