import type { Arm, Codec, OfferedRung, PolicyConfig } from '../domain/index.ts';
import { hasAllTwins, type TwinnableRendition, twinsOf } from './codec-twins.ts';
import { hashSet, type ResolvableRendition, resolveArm } from './resolve-arm.ts';

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

/**
 * Resolves every active arm (and the baseline, whatever its state) on the renditions of one revision, at least one. An arm of another
 * codec than H.264 is for players alone that have said that they decode it.
 */
export function assetTreatments(
  config: Pick<PolicyConfig, 'configVersion' | 'arms'>,
  asset: { renditions: readonly ResolvableRendition[]; complexityScale: number; sourceHeight: number | null },
  decodes: readonly Codec[] = [],
): AssetTreatments {
  const byId = new Map(asset.renditions.map((rendition) => [rendition.id, rendition]));
  const eligible = config.arms
    .filter((arm) => arm.baseline || (arm.state === 'active' && isDecoded(arm, decodes)))
    .map((arm) => ({ arm, resolved: resolveArm(arm, asset.renditions, asset) }))
    .filter(({ resolved }) => resolved.eligible)
    .map(({ arm, resolved }) => ({
      arm: arm.id,
      baseline: arm.baseline,
      setHash: resolved.setHash,
      rungs: resolved.renditionIds.flatMap((id) => offeredRung(byId.get(id))),
    }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1));
  return { configVersion: config.configVersion, eligible };
}

/**
 * The same arms in another codec, each rendition by its twin; null unless every H.264 rendition of the asset has one. So which arms
 * there are, and which of them are one treatment, does not depend on the codec, nor whether there is a codec on the arms.
 */
export function treatmentsInCodec(
  treatments: AssetTreatments,
  renditions: readonly TwinnableRendition[],
  codec: Codec,
): AssetTreatments | null {
  if (!hasAllTwins(renditions, codec)) return null;
  const twins = twinsOf(renditions, codec);
  const eligible = treatments.eligible.map((treatment) => {
    const ids = treatment.rungs.map(({ renditionId }) => twins.get(renditionId)?.id ?? renditionId);
    const rungs = renditions.filter(({ id }) => ids.includes(id)).flatMap(offeredRung);
    rungs.sort((left, right) => left.bitrateKbps - right.bitrateKbps);
    return { ...treatment, rungs, setHash: hashSet(rungs.map(({ renditionId }) => renditionId)) };
  });
  return { ...treatments, eligible };
}

const isDecoded = ({ features }: Arm, decodes: readonly Codec[]): boolean =>
  features.codec === 'h264' || decodes.includes(features.codec);

function offeredRung(rendition: ResolvableRendition | undefined): OfferedRung[] {
  if (!rendition) return [];
  const { id, width, height, bitrateKbps } = rendition;
  return [{ renditionId: id, width, height, bitrateKbps }];
}
