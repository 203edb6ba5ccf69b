import { z } from 'zod';
import { armIdSchema } from './ids.ts';

export const CODECS = ['h264', 'hevc', 'av1', 'vp9'] as const;
export const codecSchema = z.enum(CODECS);
export type Codec = z.infer<typeof codecSchema>;

/** One rung of a ladder family; `bitrateKbps` is nominal, for content of reference complexity; `height` is the short side in pixels. */
export const ladderRungSchema = z.object({
  height: z.int().min(16).max(4320),
  bitrateKbps: z.number().positive().max(200_000),
  fps: z.number().positive().max(120),
});
export type LadderRung = z.infer<typeof ladderRungSchema>;

/** What makes two families alike: a new arm inherits its prior from its neighbours in this space. */
export const armFeaturesSchema = z.object({
  topKbps: z.number().positive(),
  floorKbps: z.number().positive(),
  rungCount: z.int().positive(),
  /** Geometric mean of the ratio between neighbouring rungs, > 1 (1 when there is a single rung). */
  spacing: z.number().min(1),
  codec: codecSchema,
});

export const armStateSchema = z.enum(['active', 'paused', 'retired']);

const strictlyRising = (rungs: readonly LadderRung[]): boolean =>
  rungs.every((rung, index) => index === 0 || rung.bitrateKbps > (rungs[index - 1]?.bitrateKbps ?? 0));

/** A ladder family, the thing a view can be given. Exactly one arm of a config is the baseline. */
export const armSchema = z.object({
  id: armIdSchema,
  state: armStateSchema,
  baseline: z.boolean(),
  features: armFeaturesSchema,
  rungs: z.array(ladderRungSchema).min(1).max(16).refine(strictlyRising, {
    error: 'expected bitrateKbps to rise strictly from rung to rung',
  }),
});
export type ArmFeatures = z.infer<typeof armFeaturesSchema>;
export type Arm = z.infer<typeof armSchema>;
