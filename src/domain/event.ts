import { z } from 'zod';
import { connectionSchema, deviceSchema, regionSchema } from './context.ts';
import { assetIdSchema, renditionIdSchema, sessionIdSchema } from './ids.ts';

/** A week: no view, stall or pause is longer; larger numbers are broken clocks. */
const MAX_DURATION_MS = 7 * 24 * 3_600_000;
const durationMs = z.number().min(0).max(MAX_DURATION_MS);
const counter = z.int().min(0).max(1_000_000_000);
const bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Text from strangers: half a surrogate pair is no text and no database takes it. */
const text = (minLength: number, maxLength: number) =>
  z
    .string()
    .min(minLength)
    .max(maxLength)
    .overwrite((value) => value.toWellFormed());

const base = {
  /** Unique within its view; a repeated one is the same event. */
  eventId: text(1, 64),
  sessionId: sessionIdSchema,
  assetId: assetIdSchema,
  /** The client's clock, ISO 8601 UTC. */
  ts: z.iso.datetime({ offset: true }),
  viewToken: z.string().max(2048).optional(),
  region: regionSchema.optional(),
  device: deviceSchema.optional(),
  connection: connectionSchema.optional(),
};

/** Counters since the view began. Cumulative, so any report subsumes the ones before it. */
const cumulative = {
  /** Media shown, ms. */
  playedMs: durationMs.optional(),
  /** Stalled after start, not by seeking, ms. */
  stalledMs: durationMs.optional(),
  seekStalledMs: durationMs.optional(),
  stallCount: counter.optional(),
  startupMs: durationMs.optional(),
  pausedMs: durationMs.optional(),
  bytes: bytes.optional(),
  /** Playing time per rendition id, ms. */
  rungMs: z
    .record(renditionIdSchema, durationMs)
    .refine((map) => Object.keys(map).length <= 64, { error: 'expected at most 64 renditions' })
    .optional(),
  switchesUp: counter.optional(),
  switchesDown: counter.optional(),
  droppedFrames: counter.optional(),
  viewportHeight: z.int().min(0).max(20_000).optional(),
};

/** One telemetry event, discriminated by `type`; unknown fields are kept out. */
export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('view_start'), ...base }),
  z.object({ type: z.literal('startup'), ...base, startupMs: durationMs }),
  z.object({ type: z.literal('stall'), ...base, durationMs, cause: z.enum(['buffer', 'seek']).default('buffer') }),
  z.object({ type: z.literal('rung_switch'), ...base, from: renditionIdSchema, to: renditionIdSchema }),
  z.object({
    type: z.literal('error'),
    ...base,
    code: text(0, 64),
    fatal: z.boolean().default(false),
    message: text(0, 512).optional(),
  }),
  z.object({ type: z.literal('progress'), ...base, ...cumulative }),
  z.object({ type: z.literal('view_end'), ...base, ...cumulative }),
  z.object({ type: z.literal('upload_progress'), ...base, bytes, elapsedMs: durationMs }),
  z.object({ type: z.literal('upload_end'), ...base, bytes, elapsedMs: durationMs, resumes: counter.default(0) }),
]);
export type TelemetryEvent = z.infer<typeof eventSchema>;
