import { type PlannedRendition, renditionOf, type SourceIdentity } from '../plan-renditions.ts';

/** The source may take this much more than the rung it stands in for: as far as arms look for their rungs. */
const MOST_OVER_TARGET = 1.35;

/**
 * The renditions with the source itself in place of the rung it suits: the cheapest at its size and frame rate that asks for as much.
 * What is above is left out: no encode shows more than its source. Unchanged when no rung suits.
 */
export function withSourceAsRung(
  identity: SourceIdentity,
  renditions: readonly PlannedRendition[],
  sourceKbps: number,
): PlannedRendition[] {
  const { source } = identity.details;
  const index = renditions.findIndex(
    ({ size, fps, targetKbps }) =>
      size.width === source.width &&
      size.height === source.height &&
      Math.abs(fps - source.fps) < 1e-3 &&
      sourceKbps <= targetKbps * MOST_OVER_TARGET,
  );
  const rung = renditions[index];
  if (!rung) return [...renditions];
  const { size, fps, targetKbps } = rung;
  return [...renditions.slice(0, index), renditionOf(identity, { size, fps, targetKbps, isCopy: true })];
}
