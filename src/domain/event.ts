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
  /** The reporter's own count of its reports of this view, from any start: gaps are losses, repeats are repeats (CMCD `sn`). */
  sequence: z.int().min(0).max(0xffff_ffff).optional(),
  region: regionSchema.optional(),
  device: deviceSchema.optional(),
  connection: connectionSchema.optional(),
};

/** What a player is doing (CTA-5004-B `sta`, in full words). */
export const PLAYER_STATES = [
  'preloading',
  'starting',
  'playing',
  'seeking',
  'rebuffering',
  'paused',
  'waiting',
  'ended',
  'failed',
  'quit',
] as const;
export type PlayerState = (typeof PLAYER_STATES)[number];

/** A player seen at one moment, by reporters that carry no counters of time played: CMCD. */
const sampleSchema = z.object({
  state: z.enum(PLAYER_STATES).optional(),
  /** Position in the media, ms. */
  playheadMs: durationMs.optional(),
  /** Media buffered ahead of the playhead, ms. */
  bufferMs: durationMs.optional(),
  /** Playing or asked for, average encoded kbit/s. */
  bitrateKbps: z.number().min(0).max(10_000_000).optional(),
  renditionId: renditionIdSchema.optional(),
  /** Media duration of the video segment that this request asks for, ms. */
  segmentMs: durationMs.optional(),
  /** Which segment of its rendition that is, counted from 0. */
  segmentIndex: z.int().min(0).max(10_000_000).optional(),
  /** The player knows of no segment after it. */
  lastSegment: z.boolean().optional(),
  /** The buffer ran empty since the report before. */
  starved: z.boolean().optional(),
  throughputKbps: z.number().min(0).max(10_000_000).optional(),
  /** 1 is real time, 0 is paused. */
  playbackRate: z.number().min(0).max(100).optional(),
});
export type PlayerSample = z.infer<typeof sampleSchema>;

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
  sample: sampleSchema.optional(),
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
  z.object({
    type: z.literal('upload_end'),
    ...base,
    bytes,
    elapsedMs: durationMs,
    resumes: counter.default(0),
    /** Times in which no byte came for a while, and how long they were together. */
    stallCount: counter.optional(),
    stalledMs: durationMs.optional(),
    /** It ended without its last byte. */
    abandoned: z.boolean().optional(),
  }),
]);
export type TelemetryEvent = z.infer<typeof eventSchema>;

/** How events reached us. One CMCD request is one report, whether it came here or was read from an edge's access log. */
export const EVENT_SOURCES = ['beacon', 'server', 'cmcd1', 'cmcd2-request', 'cmcd2-event'] as const;
export type EventSource = (typeof EVENT_SOURCES)[number];
