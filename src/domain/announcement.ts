import { z } from 'zod';
import { assetIdSchema } from './ids.ts';

/** What one process tells the others (over Redis) and the feed tells the world. Losing one costs latency, never truth. */
export const announcementSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('asset.changed'), assetId: assetIdSchema }),
  z.object({ type: z.literal('asset.deleted'), assetId: assetIdSchema }),
  z.object({ type: z.literal('policy.config'), configVersion: z.int() }),
  z.object({ type: z.literal('policy.operation'), number: z.int() }),
  z.object({ type: z.literal('policy.allocation'), configVersion: z.int(), allocationVersion: z.int() }),
]);
export type Announcement = z.infer<typeof announcementSchema>;
