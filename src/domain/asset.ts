import { z } from 'zod';
import { codecSchema, ladderRungSchema } from './arm.ts';
import { contextSchema } from './context.ts';
import { assetIdSchema, ownerSchema, renditionIdSchema, versionSchema } from './ids.ts';

const timestampSchema = z.iso.datetime();

/** 0–100, VMAF-like, as seen on this device class; 95 is transparent. */
export const qualitySchema = z.object({
  phone: z.number().min(0).max(100),
  tablet: z.number().min(0).max(100),
  desktop: z.number().min(0).max(100),
  tv: z.number().min(0).max(100),
});
export type Quality = z.infer<typeof qualitySchema>;

/** One encoded video track as the contract shows it. `bitrateKbps` is measured average, `peakKbps` the worst segment. */
export const renditionSchema = z.object({
  id: renditionIdSchema,
  width: z.int().positive(),
  height: z.int().positive(),
  fps: z.number().positive(),
  codec: codecSchema,
  bitrateKbps: z.number().positive(),
  peakKbps: z.number().positive(),
  bytes: z.int().min(0),
  quality: qualitySchema,
});
export type Rendition = z.infer<typeof renditionSchema>;

/** A rendition in the media store: what packaging needs beside what the contract shows. */
export const storedRenditionSchema = renditionSchema.extend({
  /** The bitrate the encoder was asked for, already scaled to this asset's complexity. */
  targetKbps: z.number().positive(),
  /** RFC 6381, read from the real avcC, e.g. `avc1.64001e`. */
  codecs: z.string(),
  /** False until SSIM has been measured; `quality` is then a bitrate-based guess. */
  qualityMeasured: z.boolean(),
  /** The constant quality it was encoded at; absent: at `targetKbps`. */
  crf: z.number().optional(),
  /** The source's own picture, not encoded again. */
  isCopy: z.boolean().optional(),
  /** How carefully the encoder worked; absent: as fast as for a first encode. */
  preset: z.string().optional(),
  segments: z.array(z.object({ durationMs: z.number().positive(), bytes: z.int().positive() })),
  /** What `iframes.m3u8`, its keyframes alone, costs; absent where they could not be told apart. */
  iframes: z.object({ bitrateKbps: z.number().positive(), peakKbps: z.number().positive() }).optional(),
});
export type StoredRendition = z.infer<typeof storedRenditionSchema>;

/** The one audio track all rungs share. */
export const audioTrackSchema = z.object({
  id: renditionIdSchema,
  codecs: z.string(),
  channels: z.int().positive(),
  bitrateKbps: z.number().positive(),
  peakKbps: z.number().positive().optional(),
  bytes: z.int().min(0),
});
export type AudioTrack = z.infer<typeof audioTrackSchema>;

/** What the probe found; `fps` is natural (measured from packets), `width`×`height` upright with square pixels. */
export const sourceSchema = z.object({
  width: z.int().positive(),
  height: z.int().positive(),
  fps: z.number().positive(),
  codec: z.string(),
  bitrateKbps: z.number().min(0),
  hdr: z.boolean(),
  rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]),
  hasAudio: z.boolean(),
});
export type Source = z.infer<typeof sourceSchema>;

/** Sprites of equal tiles, in reading order: tile n shows the instant n × `intervalMs`. */
export const storyboardTilesSchema = z.object({
  columns: z.int().positive(),
  rows: z.int().positive(),
  /** Of one tile, pixels. */
  width: z.int().positive(),
  height: z.int().positive(),
  intervalMs: z.number().positive(),
  /** Tiles in all; the last sprite may have room left. */
  count: z.int().positive(),
  /** Of each sprite, in order: `storyboard-0.webp`, … */
  spriteBytes: z.array(z.int().positive()).min(1),
});
export type StoryboardTiles = z.infer<typeof storyboardTilesSchema>;

/** What there is to see before anything plays: a ThumbHash in base64, and addresses below `/v/ASSET/` that never change. */
export const previewsSchema = z.object({
  thumbhash: z.string().nullable(),
  poster: z.string().nullable(),
  /** The poster with twice the pixels each way. */
  poster2x: z.string().nullable().optional(),
  clip: z.string().nullable(),
  storyboard: z.string().nullable(),
  tiles: storyboardTilesSchema.nullable().optional(),
});
export type Previews = z.infer<typeof previewsSchema>;

/** Who is expected to watch: shares sum to 1. */
export const audienceSchema = z.object({
  level: z.enum(['owner', 'region', 'everyone', 'cold']),
  views: z.int().min(0),
  shares: z.array(contextSchema.extend({ share: z.number().min(0).max(1) })).min(1),
  /** Seconds it is expected to watch over four weeks. */
  watchSeconds: z.number().min(0).optional(),
  /** Its lines as they measured before views, kbit/s; absent where too few told. */
  lineKbps: z.object({ p10: z.number().min(0), p50: z.number().min(0), p95: z.number().min(0) }).optional(),
});
export type Audience = z.infer<typeof audienceSchema>;

/** What chance made of an asset, which is for good: `learned` is the plan of all others. */
export const encodeGroupSchema = z.enum(['holdout', 'superset', 'panel', 'learned']);
export type EncodeGroup = z.infer<typeof encodeGroupSchema>;

/** The group an asset was drawn into, logged with the plan: what the effect of encoding is estimated from. */
export const encodeAssignmentSchema = z.object({
  group: encodeGroupSchema,
  /** Probability of the group by the config of the plan. */
  propensity: z.number().min(0).max(1),
  /** Planned before its audience's regions had evidence, when all but the held-out assets are in the panel. */
  cold: z.boolean(),
});
export type EncodeAssignment = z.infer<typeof encodeAssignmentSchema>;

/** Which rungs this asset gets and why; nominal bitrates at reference complexity, strictly rising. */
export const encodePlanSchema = z.object({
  configVersion: versionSchema,
  allocationVersion: versionSchema,
  /** This asset is held out on the baseline plan: it measures the effect of encoding. */
  holdout: z.boolean(),
  /** This asset carries the baseline's rungs beside the learned ones: its views measure the play-time lift. */
  liftPanel: z.boolean(),
  reason: z.string(),
  audience: audienceSchema,
  rungs: z.array(ladderRungSchema).min(1),
  /** Absent in plans that are older than it. */
  assignment: encodeAssignmentSchema.optional(),
  plannedAt: timestampSchema.optional(),
  /** Rungs that it has got since, and by which policy. */
  backfills: z
    .array(
      z.object({
        at: timestampSchema,
        configVersion: versionSchema,
        allocationVersion: versionSchema,
        rungs: z.array(ladderRungSchema).min(1),
      }),
    )
    .optional(),
});
export type EncodePlan = z.infer<typeof encodePlanSchema>;

/** A failure a person can act on. */
export const assetErrorSchema = z.object({ code: z.string(), message: z.string(), action: z.string() });
export type AssetError = z.infer<typeof assetErrorSchema>;

export const assetStateSchema = z.enum(['uploading', 'processing', 'ready', 'failed']);
export const availabilitySchema = z.enum(['none', 'playable', 'complete', 'upgraded']);

/** How the bytes came in: the uploader's own measured line. */
export const uploadMeasureSchema = z.object({
  bytes: z.int().min(0),
  elapsedMs: z.number().min(0),
  resumes: z.int().min(0),
});

/** A rendition that newer views are not offered: views of an older revision may still be playing it. */
const retiredRenditionSchema = z.object({
  rendition: storedRenditionSchema,
  /** The last revision that offered it. */
  revision: versionSchema,
  retiredAt: timestampSchema,
});
export type RetiredRendition = z.infer<typeof retiredRenditionSchema>;

/** How much smaller than its H.264 rungs a title came out in another codec, at their quality; below 0 larger. */
export const codecTrialSchema = z.object({
  codec: codecSchema,
  savedShare: z.number().max(1),
  /** Whether that was enough to be offered. */
  offered: z.boolean(),
  triedAt: timestampSchema,
});

/** `asset.json`, the media store's truth about one asset. Written by the API while uploading, by one worker afterwards. */
export const assetDocumentSchema = z.object({
  id: assetIdSchema,
  /** `hosted` was uploaded here; `external` is encoded and served elsewhere, NARA only decides over it. */
  kind: z.enum(['hosted', 'external']),
  owner: ownerSchema,
  filename: z.string().max(512),
  createdAt: timestampSchema,
  /** The uploader's context: where it came from. */
  context: contextSchema,
  durationMs: z.number().min(0),
  source: sourceSchema.nullable(),
  state: assetStateSchema,
  availability: availabilitySchema,
  revision: versionSchema,
  timings: z.object({
    uploadedAt: timestampSchema.nullable(),
    playableAt: timestampSchema.nullable(),
    completeAt: timestampSchema.nullable(),
    upgradedAt: timestampSchema.nullable(),
  }),
  /** Bitrate this content needs relative to reference content, > 0; arms' nominal bitrates are multiplied by it. */
  complexityScale: z.number().positive(),
  /** Bitrates that rungs of the plan ask for on this title, and that show nobody a difference there: not made, nor missing. */
  leftOutKbps: z.array(z.number().positive()).optional(),
  plan: encodePlanSchema.nullable(),
  renditions: z.array(storedRenditionSchema),
  /** Kept until the last view of their revision must have ended, then collected. */
  retired: z.array(retiredRenditionSchema).optional(),
  /** Codecs beside H.264 that this title was tried in, one entry each. */
  codecTrials: z.array(codecTrialSchema).optional(),
  /** The earlier asset of the same owner with the same bytes, whose renditions this one has. */
  duplicateOf: assetIdSchema.optional(),
  audio: audioTrackSchema.nullable(),
  previews: previewsSchema,
  /** The media store key of the raw upload; a secret capability, never shown. Null for external assets. */
  uploadKey: z.string().nullable(),
  upload: uploadMeasureSchema.nullable(),
  error: assetErrorSchema.optional(),
});
export type AssetDocument = z.infer<typeof assetDocumentSchema>;

const planViewSchema = encodePlanSchema.omit({ allocationVersion: true });

/** An asset as the contract shows it: no upload id, no store keys. */
export const assetSchema = assetDocumentSchema
  .omit({
    kind: true,
    uploadKey: true,
    upload: true,
    audio: true,
    complexityScale: true,
    leftOutKbps: true,
    retired: true,
    duplicateOf: true,
  })
  .extend({ plan: planViewSchema.nullable(), renditions: z.array(renditionSchema) });
export type Asset = z.infer<typeof assetSchema>;

/** `POST /v1/assets/external`: renditions encoded elsewhere that NARA decides over. */
export const externalAssetSchema = z.object({
  id: assetIdSchema,
  durationMs: z.number().positive(),
  renditions: z
    .array(
      renditionSchema.pick({ id: true, width: true, height: true, fps: true, codec: true, bitrateKbps: true }).extend({
        quality: qualitySchema
          .partial()
          .refine((q) => Object.keys(q).length > 0, { error: 'expected at least one device class' }),
      }),
    )
    .min(1)
    .max(32)
    .refine((all) => new Set(all.map((rendition) => rendition.id)).size === all.length, {
      error: 'expected unique rendition ids',
    }),
});
export type ExternalAsset = z.infer<typeof externalAssetSchema>;
