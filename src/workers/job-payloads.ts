import { z } from 'zod';
import { assetIdSchema } from '../domain/ids.ts';

/** The queues, each with workers of its own: a heavy encode never stands before a fast lane. */
export const QUEUES = ['early', 'fast-lane', 'encode', 'upgrade', 'previews', 'learn'] as const;
export type QueueName = (typeof QUEUES)[number];
export type AssetQueueName = Exclude<QueueName, 'learn'>;

/** A chunk of a long source: an `encode` job of its own. */
const chunkRefSchema = z.object({ planId: z.string().regex(/^[0-9a-f]+$/), index: z.int().min(0) });
export type ChunkRef = z.infer<typeof chunkRefSchema>;

/** Payload of `early`, `fast-lane`, `encode` and `upgrade` jobs; everything else is in the asset's document, or its chunk plan. */
export const assetJobSchema = z.object({ assetId: assetIdSchema, chunk: chunkRefSchema.optional() });
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
