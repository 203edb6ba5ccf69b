import { z } from 'zod';
import { contextSchema } from './context.ts';
import { assetIdSchema } from './ids.ts';
import { fallbackLevelSchema, guardSchema, missingKindSchema } from './policy-documents.ts';
import { promotionStageSchema } from './promotion.ts';

/** What one process tells the others (over Redis) and the feed tells the world. Losing one costs latency, never truth. */
export const announcementSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('asset.changed'), assetId: assetIdSchema }),
  /** `share` of an encode that is done, 0..1; the document changes only when all of it is. */
  z.object({ type: z.literal('asset.progress'), assetId: assetIdSchema, share: z.number().min(0).max(1) }),
  z.object({ type: z.literal('asset.deleted'), assetId: assetIdSchema }),
  z.object({ type: z.literal('policy.config'), configVersion: z.int() }),
  z.object({ type: z.literal('policy.operation'), number: z.int() }),
  z.object({
    type: z.literal('policy.stage'),
    configVersion: z.int(),
    stage: promotionStageSchema,
    share: z.number(),
    held: z.boolean(),
    reason: z.string(),
  }),
  /** Arms that guards took out of a context or let back in, arms whose views newly look wrong, and how many more there are. */
  z.object({
    type: z.literal('policy.guardrail'),
    configVersion: z.int(),
    allocationVersion: z.int(),
    guards: z.array(
      contextSchema.extend({ level: fallbackLevelSchema, arm: z.string(), guard: guardSchema, was: guardSchema }),
    ),
    checks: z.array(z.object({ arm: z.string(), check: z.enum(['sample-ratio', ...missingKindSchema.options]) })),
    unnamed: z.int().min(0),
  }),
  /** Cells whose views since some day are unlike those before, newly found, and how many more there are. */
  z.object({
    type: z.literal('policy.change'),
    configVersion: z.int(),
    allocationVersion: z.int(),
    changes: z.array(contextSchema.extend({ moved: z.enum(['throughput', 'reward']), ageDays: z.int().min(0) })),
    unnamed: z.int().min(0),
  }),
  z.object({ type: z.literal('policy.allocation'), configVersion: z.int(), allocationVersion: z.int() }),
]);
export type Announcement = z.infer<typeof announcementSchema>;
