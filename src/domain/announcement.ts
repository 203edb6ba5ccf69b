import { z } from 'zod';
import { assetIdSchema } from './ids.ts';
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
  z.object({ type: z.literal('policy.allocation'), configVersion: z.int(), allocationVersion: z.int() }),
]);
export type Announcement = z.infer<typeof announcementSchema>;
