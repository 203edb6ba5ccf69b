import { createHash } from 'node:crypto';
import type { Arm, Rendition } from '../domain/index.ts';

/** A rung takes a rendition whose bitrate is within this factor of what it asks for. */
export const RESOLVE_FACTOR = 1.35;
/** Keeps the bounds inclusive where nominal × scale is inexact. */
const LOG_TOLERANCE = 1e-9;
/** A rung this little above the source is at the source (1080 for a 1072-line file). */
const SOURCE_HEIGHT_TOLERANCE = 1.1;

/** What resolving needs of a rendition. `targetKbps` is what the encoder was asked for; external renditions have none. */
export type ResolvableRendition = Pick<Rendition, 'id' | 'width' | 'height' | 'codec' | 'bitrateKbps'> & {
  targetKbps?: number;
};

/** What an arm means on one revision of one asset. */
export type ResolvedArm = {
  /** By rising measured bitrate. */
  renditionIds: string[];
  /** Equal sets have equal hashes and are one treatment. */
  setHash: string;
  eligible: boolean;
};

/** A frame's short side in pixels: what `height` of a rung means. */
export const shortSide = ({ width, height }: { width: number; height: number }): number => Math.min(width, height);

/** Whether a rung would have to be scaled up from a source of this short side. */
export const isAboveSource = (rung: { height: number }, sourceHeight: number): boolean =>
  rung.height > sourceHeight * SOURCE_HEIGHT_TOLERANCE;

/** A short, stable name of a set of renditions, whatever their order. */
export function hashSet(renditionIds: readonly string[]): string {
  return createHash('sha256')
    .update([...renditionIds].sort().join('\n'))
    .digest('base64url')
    .slice(0, 16);
}

/** What was asked of the encoder says which rung a rendition is; the measured average also says how easy the content was. */
const ladderKbps = (rendition: ResolvableRendition): number => rendition.targetKbps ?? rendition.bitrateKbps;

const byBitrate = (left: ResolvableRendition, right: ResolvableRendition): number =>
  left.bitrateKbps - right.bitrateKbps || ladderKbps(left) - ladderKbps(right) || (left.id < right.id ? -1 : 1);

function nearest(candidates: readonly ResolvableRendition[], wantedKbps: number): ResolvableRendition | null {
  let best: ResolvableRendition | null = null;
  let bestDistance = Math.log(RESOLVE_FACTOR) + LOG_TOLERANCE;
  for (const candidate of candidates) {
    const distance = Math.abs(Math.log(ladderKbps(candidate) / wantedKbps));
    // Ties go to the earlier, that is the lower bitrate.
    if (distance < bestDistance - (best ? LOG_TOLERANCE : 0)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Which of an asset's renditions an arm gives a view: per rung the nearest in log-bitrate to nominal × `complexityScale`,
 * within RESOLVE_FACTOR, same codec; rungs above the source fall away, duplicates merge. `sourceHeight` is the source's
 * short side, null when unknown (then the largest rendition stands for it). The baseline is always eligible, with all
 * renditions of its codec when it resolves to none.
 */
export function resolveArm(
  arm: Pick<Arm, 'baseline' | 'features' | 'rungs'>,
  renditions: readonly ResolvableRendition[],
  asset: { complexityScale: number; sourceHeight: number | null },
): ResolvedArm {
  const sourceHeight = asset.sourceHeight ?? Math.max(0, ...renditions.map(shortSide));
  const candidates = renditions.filter((rendition) => rendition.codec === arm.features.codec).sort(byBitrate);
  const chosen = new Set<ResolvableRendition>();
  let hasFloor = false;
  for (const [index, rung] of arm.rungs.entries()) {
    if (isAboveSource(rung, sourceHeight)) continue;
    const rendition = nearest(candidates, rung.bitrateKbps * asset.complexityScale);
    if (!rendition) continue;
    chosen.add(rendition);
    hasFloor ||= index === 0;
  }
  // Never two codecs in one set: players go from rung to rung within one.
  const all = candidates.length > 0 ? candidates : renditions;
  if (arm.baseline && chosen.size === 0) for (const rendition of all) chosen.add(rendition);
  const renditionIds = [...chosen].sort(byBitrate).map((rendition) => rendition.id);
  const enough = chosen.size >= 2 || (chosen.size > 0 && chosen.size === all.length);
  return { renditionIds, setHash: hashSet(renditionIds), eligible: arm.baseline || (enough && hasFloor) };
}
