import { z } from 'zod';
import { assetIdSchema } from '../domain/ids.ts';

/** The queues, each with workers of its own: a heavy encode never stands before a fast lane. */
export const QUEUES = ['fast-lane', 'encode', 'upgrade', 'learn'] as const;
export type QueueName = (typeof QUEUES)[number];
export type AssetQueueName = Exclude<QueueName, 'learn'>;

/** Payload of `fast-lane`, `encode` and `upgrade` jobs; everything else is in the asset's document. */
export const assetJobSchema = z.object({ assetId: assetIdSchema });
export type AssetJob = z.infer<typeof assetJobSchema>;

/** Payload of `learn` jobs. `shipped`: whoever asks has just shipped its spool, so what it knows is in ClickHouse. */
export const learnRequestSchema = z.object({ shipped: z.boolean() });
export type LearnRequest = z.infer<typeof learnRequestSchema>;

/** What a refit came to. */
export const learnResultSchema = z.object({
  configVersion: z.int().min(0),
  allocationVersion: z.int().min(0),
  changed: z.boolean(),
  views: z.object({ matured: z.int().min(0), used: z.int().min(0) }),
  durationMs: z.number().min(0),
});
export type LearnResult = z.infer<typeof learnResultSchema>;
