import type { OfferedRung, PolicyConfig } from '../domain/index.ts';
import { type ResolvableRendition, resolveArm } from './resolve-arm.ts';

/** An arm that may be given on this asset, and what a view would then be offered. */
export type EligibleTreatment = {
  arm: string;
  baseline: boolean;
  setHash: string;
  /** By rising bitrate. */
  rungs: OfferedRung[];
};

/** One asset revision under one config: every active arm that is eligible on it, by arm id. Worth keeping per (revision, config). */
export type AssetTreatments = {
  configVersion: number;
  eligible: readonly EligibleTreatment[];
};

/** Resolves every active arm (and the baseline, whatever its state) on the renditions of one revision, at least one. */
export function assetTreatments(
  config: Pick<PolicyConfig, 'configVersion' | 'arms'>,
  asset: { renditions: readonly ResolvableRendition[]; complexityScale: number; sourceHeight: number | null },
): AssetTreatments {
  const byId = new Map(asset.renditions.map((rendition) => [rendition.id, rendition]));
  const eligible = config.arms
    .filter((arm) => arm.baseline || arm.state === 'active')
    .map((arm) => ({ arm, resolved: resolveArm(arm, asset.renditions, asset) }))
    .filter(({ resolved }) => resolved.eligible)
    .map(({ arm, resolved }) => ({
      arm: arm.id,
      baseline: arm.baseline,
      setHash: resolved.setHash,
      rungs: resolved.renditionIds.flatMap((id) => {
        const rendition = byId.get(id);
        if (!rendition) return [];
        const { width, height, bitrateKbps } = rendition;
        return [{ renditionId: id, width, height, bitrateKbps }];
      }),
    }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1));
  return { configVersion: config.configVersion, eligible };
}
