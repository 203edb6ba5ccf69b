import { z } from 'zod';

const sampleSchema = z.object({
  width: z.int().positive(),
  height: z.int().positive(),
  fps: z.number().positive(),
  crf: z.number(),
  /** Weighted mean over the windows. */
  kbps: z.number().positive(),
  /** Quality points at a phone's and a desktop's display size, 0..100. */
  phone: z.number().min(0).max(100),
  desktop: z.number().min(0).max(100),
});

/** One encode of the sampled windows: what a size costs and shows at a constant quality. */
export type QualitySample = z.infer<typeof sampleSchema>;

/**
 * What was found out about a title before it is encoded, `assets/ID/analysis.json`. Rendition ids depend on it, so the first one
 * stands for every later run on any machine. Without samples nothing could be measured.
 */
export const titleAnalysisSchema = z.object({
  version: z.literal(1),
  metric: z.enum(['ssim', 'vmaf']),
  windows: z.array(
    z.object({ startSeconds: z.number(), seconds: z.number().positive(), weight: z.number().positive() }),
  ),
  samples: z.array(sampleSchema),
  /** Average of the source's picture when it can be served as it is, kbit/s; null when it must be encoded. */
  remuxKbps: z.number().positive().nullable(),
});
export type TitleAnalysis = z.infer<typeof titleAnalysisSchema>;
