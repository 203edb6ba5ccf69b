import { z } from 'zod';
import type { FfmpegCapabilities } from './normalise-graph.ts';
import { qualityFromSsim } from './quality.ts';

/** How pictures are compared: VMAF when this ffmpeg has libvmaf, otherwise SSIM of luma, mapped to VMAF-like points. */
export type QualityMetric = 'ssim' | 'vmaf';

/** Where a picture is judged as if shown. */
export type Display = 'phone' | 'desktop';

/** The metric an ffmpeg allows. */
export const qualityMetric = ({ vmaf }: FfmpegCapabilities): QualityMetric => (vmaf ? 'vmaf' : 'ssim');

/** Where a job writes its comparison of rendition `index` on a display. */
export const comparisonFile = (index: number, display: Display): string => `compared-${index}-${display}.log`;

/** The filter that compares its first input with its second. VMAF has a model of its own for phones, over the large picture. */
export function comparisonFilter(metric: QualityMetric, index: number, display: Display): string {
  const file = comparisonFile(index, display);
  if (metric === 'ssim') return `ssim=stats_file=${file}:shortest=1`;
  const transform = display === 'phone' ? '\\\\:enable_transform=true' : '';
  return `libvmaf=log_fmt=json:log_path=${file}:model=version=vmaf_v0.6.1${transform}:shortest=1`;
}

const vmafLogSchema = z.object({ pooled_metrics: z.object({ vmaf: z.object({ mean: z.number() }) }) });

/** Mean over the frames compared, SSIM 0..1 or VMAF 0..100; null when there were none. */
export function readComparison(metric: QualityMetric, log: string): number | null {
  if (metric === 'ssim') return meanSsim(log);
  if (log.trim() === '') return null;
  return vmafLogSchema.parse(JSON.parse(log)).pooled_metrics.vmaf.mean;
}

/** Quality points, 0..100, of a mean over frames. */
export const qualityPoints = (metric: QualityMetric, mean: number): number =>
  metric === 'vmaf' ? Math.min(100, Math.max(0, mean)) : qualityFromSsim(mean);

function meanSsim(stats: string): number | null {
  const values = [...stats.matchAll(/\bY:([0-9.]+)/g)].map((match) => Number(match[1]));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
