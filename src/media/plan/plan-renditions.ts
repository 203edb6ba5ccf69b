import { createHash } from 'node:crypto';
import type { Codec, LadderRung } from '../../domain/arm.ts';
import type { EncodePlan, Quality } from '../../domain/asset.ts';
import { audioKbps, ENCODER_VERSION, FAST_LANE_MAX_HEIGHT, PRESET } from './encoder-settings.ts';
import { gopSeconds, rungFrameRate } from './frame-rate.ts';
import { type FrameSize, fitShortSide, shortSide } from './rung-geometry.ts';
import type { SourceDetails } from './source-details.ts';

/** One rendition to be made. The id says everything its bytes depend on, so the same job makes the same rendition. */
export type PlannedRendition = {
  id: string;
  size: FrameSize;
  fps: number;
  targetKbps: number;
  /** Constant quality that should come to `targetKbps` on this title; absent where it was not analysed. */
  crf?: number;
  /** What the analysis says it will look like, until it is measured. */
  predictedQuality?: Quality;
  /** The source's own picture, copied instead of encoded. */
  isCopy?: boolean;
  /** Absent: H.264. */
  codec?: Codec;
  /** How carefully the encoder works; absent: as fast as for a first encode. */
  preset?: string;
  gopSeconds: number;
};

/** What identifies the bytes of a source: the key of its upload, which is never written twice. */
export type SourceIdentity = { uploadKey: string; details: SourceDetails };

/** A rung of a plan as a rendition of this source, at `complexityScale` × its nominal bitrate; never upscaled. */
export function planRendition(identity: SourceIdentity, rung: LadderRung, complexityScale: number): PlannedRendition {
  const { source } = identity.details;
  return renditionOf(identity, {
    size: fitShortSide(source, rung.height),
    fps: rungFrameRate(source.fps, rung.fps),
    targetKbps: targetKbps(rung, complexityScale),
  });
}

/** The bitrate a rung asks for on a title, kbit/s: nominal × scale, whole. */
export const targetKbps = (rung: { bitrateKbps: number }, complexityScale: number): number =>
  Math.max(1, Math.round(rung.bitrateKbps * complexityScale));

/** A rendition under the id that its bytes have. */
export function renditionOf(
  { uploadKey, details }: SourceIdentity,
  of: Omit<PlannedRendition, 'id' | 'gopSeconds' | 'preset' | 'codec'>,
): PlannedRendition {
  const { size, fps, crf } = of;
  const shape = [ENCODER_VERSION, PRESET, uploadKey, size.width, size.height, fps.toFixed(4), of.targetKbps];
  const hash = shortHash([...shape, ...(crf === undefined ? [] : [crf]), ...(of.isCopy ? ['copy'] : [])]);
  return { id: `${shortSide(size)}p-${of.targetKbps}k-${hash}`, ...of, gopSeconds: gopSeconds(details.source.fps) };
}

/** The rung that makes an asset playable: the lowest bitrate at ≤ 360p, or the lowest of all when none is that small. */
export function fastLaneRung(plan: EncodePlan): LadderRung {
  const byBitrate = [...plan.rungs].sort((a, b) => a.bitrateKbps - b.bitrateKbps);
  const rung = byBitrate.find(({ height }) => height <= FAST_LANE_MAX_HEIGHT) ?? byBitrate[0];
  if (!rung) throw new RangeError('plan.rungs must have at least one rung (got none)');
  return rung;
}

/**
 * The fast-lane rung was encoded before this content's complexity was known. When arms will look for it further off than
 * this factor (they accept 1.35), the remainder makes that rung again, at the right bitrate.
 */
const FAST_LANE_MATCH_RATIO = 1.25;

/** Whether the first rung must be made again on a title of this scale. */
export const isFastLaneFar = (complexityScale: number): boolean =>
  Math.max(complexityScale, 1 / complexityScale) > FAST_LANE_MATCH_RATIO;

/** The renditions still to make once the fast lane is done, lowest first, without repeats. */
export function remainingRenditions(
  identity: SourceIdentity,
  plan: EncodePlan,
  complexityScale: number,
): PlannedRendition[] {
  const first = fastLaneRung(plan);
  const rungs = plan.rungs.filter((rung) => rung !== first || isFastLaneFar(complexityScale));
  const planned = rungs.map((rung) => planRendition(identity, rung, complexityScale));
  const unique = new Map(planned.map((rendition) => [rendition.id, rendition]));
  return [...unique.values()].sort((a, b) => a.targetKbps - b.targetKbps);
}

/** The id of the one audio track all rungs share; null for a silent source. */
export function audioTrackId({ uploadKey, details }: SourceIdentity): string | null {
  if (!details.audio) return null;
  const kbps = audioKbps(details.audio.channels);
  return `audio-${kbps}k-${shortHash([ENCODER_VERSION, uploadKey, details.audio.streamIndex, details.audio.channels, kbps])}`;
}

function shortHash(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
}
