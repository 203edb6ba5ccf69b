import { createHash } from 'node:crypto';
import type { LadderRung } from '../../domain/arm.ts';
import type { StoredRendition } from '../../domain/asset.ts';
import { UPGRADE_PRESET } from './encoder-settings.ts';
import { gopSeconds } from './frame-rate.ts';
import { type PlannedRendition, planRendition, type SourceIdentity } from './plan-renditions.ts';
import { shortSide } from './rung-geometry.ts';

/** A rendition that nobody waits for, and the one whose place it takes. */
export type PlannedUpgrade = { planned: PlannedRendition; replaces: string | null };

/** Renditions to make again by a slower preset, and rungs that are missing, lowest first. */
export function upgradeRenditions(
  identity: SourceIdentity,
  again: readonly StoredRendition[],
  missing: readonly LadderRung[],
  complexityScale: number,
): PlannedUpgrade[] {
  const replaced = again.map((rendition) => ({
    planned: slower({
      id: rendition.id,
      size: { width: rendition.width, height: rendition.height },
      fps: rendition.fps,
      targetKbps: rendition.targetKbps,
      ...(rendition.crf === undefined ? {} : { crf: rendition.crf }),
      gopSeconds: gopSeconds(identity.details.source.fps),
    }),
    replaces: rendition.id,
  }));
  const added = missing.map((rung) => ({
    planned: slower(planRendition(identity, rung, complexityScale)),
    replaces: null,
  }));
  const unique = new Map([...added, ...replaced].map((upgrade) => [upgrade.planned.id, upgrade]));
  return [...unique.values()].sort((left, right) => left.planned.targetKbps - right.planned.targetKbps);
}

/** The same rung, made more carefully: other bytes, so another id, which follows from the first one's. */
function slower(planned: PlannedRendition): PlannedRendition {
  const hash = createHash('sha256').update(`${planned.id}\n${UPGRADE_PRESET}`).digest('hex').slice(0, 8);
  const id = `${shortSide(planned.size)}p-${Math.round(planned.targetKbps)}k-${hash}`;
  return { ...planned, id, preset: UPGRADE_PRESET };
}
