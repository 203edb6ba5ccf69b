import type { LadderRung, Source } from '../domain/index.ts';
import { isAboveSource, shortSide } from './resolve-arm.ts';

/** Bits beyond this multiple of what the source itself spends show nothing that is there. */
const SOURCE_BITRATE_HEADROOM = 1.5;
/** The least a rung's height can be (domain). */
const MIN_HEIGHT = 16;

/** What a source (and the care its uploader's line asks for) allows. */
export type RungLimits = {
  /** Short side, even, pixels. */
  maxHeight: number;
  maxKbps: number;
};

const even = (pixels: number): number => Math.max(MIN_HEIGHT, 2 * Math.floor(pixels / 2));

/** Limits of a source; `heightCap` is a further cap in pixels, null for none. A source of unknown bitrate sets no bitrate limit. */
export function rungLimits(
  source: Pick<Source, 'width' | 'height' | 'bitrateKbps'>,
  heightCap: number | null,
): RungLimits {
  return {
    maxHeight: even(Math.min(shortSide(source), heightCap ?? Number.POSITIVE_INFINITY)),
    maxKbps: source.bitrateKbps > 0 ? source.bitrateKbps * SOURCE_BITRATE_HEADROOM : Number.POSITIVE_INFINITY,
  };
}

/**
 * A ladder's rungs that are worth making, by rising bitrate: never scaled up, never wildly above the source's bitrate. Where the
 * next rung fell away for its height, the highest that is left is made at the full height allowed, so that a source between
 * two rungs is still seen at its own size. Empty when not even the lowest fits.
 */
export function feasibleRungs(rungs: readonly LadderRung[], limits: RungLimits): LadderRung[] {
  const tooHigh = (rung: LadderRung): boolean => isAboveSource(rung, limits.maxHeight);
  const kept = rungs.filter((rung) => !tooHigh(rung) && rung.bitrateKbps <= limits.maxKbps);
  return kept.map((rung) => {
    const next = rungs[rungs.indexOf(rung) + 1];
    const isTop = rung === kept.at(-1) && kept.length > 1 && next !== undefined && tooHigh(next);
    return { ...rung, height: isTop ? limits.maxHeight : Math.min(rung.height, limits.maxHeight) };
  });
}

/** The least a source is given: a ladder's lowest rung, at the source's height when that is smaller. */
export function lowestRung(rungs: readonly LadderRung[], limits: RungLimits): LadderRung[] {
  return rungs.slice(0, 1).map((rung) => ({ ...rung, height: Math.min(rung.height, limits.maxHeight) }));
}
