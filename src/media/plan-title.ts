import type { EncodePlan, StoredRendition } from '../domain/asset.ts';
import { settleAnalysis } from './analyse-title.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { type TitlePlan, titleRenditions } from './plan/per-title/title-renditions.ts';
import { remuxRendition } from './remux-rendition.ts';

/**
 * What to make of a title after its first rung: analysed once, the same for every worker. A rung that the source itself stands in
 * for is finished already when this resolves. Throws `FfmpegError`.
 */
export async function planTitle(
  room: MediaRoom,
  source: EncodeSource,
  of: { plan: EncodePlan; first: StoredRendition },
  signal: AbortSignal,
): Promise<TitlePlan> {
  const identity = { uploadKey: source.uploadKey, details: source.input.details };
  const { plan, first } = of;
  const analysis = await settleAnalysis(room, source, { rungs: plan.rungs, first }, signal);
  const title = titleRenditions(identity, plan, analysis);
  const copy = title.renditions.find(({ isCopy }) => isCopy);
  if (!copy) return title;
  const { complexityScale } = title;
  if (await remuxRendition(room, source, copy, { first, complexityScale, signal })) return title;
  return titleRenditions(identity, plan, { ...analysis, remuxKbps: null });
}
