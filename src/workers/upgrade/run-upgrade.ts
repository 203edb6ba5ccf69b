import type { AssetDocument, EncodePlan, StoredRendition } from '../../domain/asset.ts';
import { encodeUpgrade } from '../../media/encode-upgrade.ts';
import { measureQuality } from '../../media/measure-quality.ts';
import { type PlannedUpgrade, upgradeRenditions } from '../../media/plan/upgrade-renditions.ts';

import { nextRevision } from '../next-revision.ts';
import { openSource } from '../open-source.ts';
import { assetLog, type TranscodePorts } from '../transcode-ports.ts';
import { timestamp, updateAsset, whileAssetExists } from '../update-asset.ts';
import { expectIdle } from './expect-idle.ts';
import { isFastMade, isUpgradable, missingRungs } from './propose-upgrade.ts';
import { type CodecUpgradeOutcome, runCodecUpgrade } from './run-codec-upgrade.ts';
import type { UpgradeJob } from './upgrade-queue.ts';

export type UpgradeOutcome = { kind: 'upgraded'; revision: number } | { kind: 'nothing-to-do' } | CodecUpgradeOutcome;

/**
 * Makes an asset's upgrade, one rendition at a time, and publishes it as the next revision; what it replaces is kept for the views
 * that play it. Run twice it changes nothing. Throws `NotYetError` as soon as an upload waits to be encoded.
 */
export async function runUpgrade(
  ports: TranscodePorts,
  job: UpgradeJob,
  isIdle: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<UpgradeOutcome> {
  const asset = await ports.assets.read(job.assetId);
  if (!asset || !isUpgradable(asset)) return { kind: 'nothing-to-do' };
  if (job.av1) return runCodecUpgrade(ports, asset, isIdle, signal);
  const again = job.slower ? asset.renditions.filter(isFastMade) : [];
  const missing = missingRungs(asset, job.missing);
  if (again.length + missing.length === 0) return { kind: 'nothing-to-do' };
  await expectIdle(isIdle);
  return whileAssetExists(ports, asset.id, signal, async (existing) => {
    const opened = await openSource(ports, asset, existing);
    if (opened.kind === 'rejected') return { kind: 'nothing-to-do' };
    const identity = { uploadKey: asset.uploadKey, details: opened.source.input.details };
    const upgrades = upgradeRenditions(identity, again, missing, asset.complexityScale);
    const made: StoredRendition[] = [];
    for (const { planned } of upgrades) {
      await expectIdle(isIdle);
      const { complexityScale } = asset;
      made.push(await encodeUpgrade(ports.media, opened.source, planned, { signal: existing, complexityScale }));
    }
    // Kept and made are measured together: quality never falls with bitrate over all that a view can be offered.
    const measured = await measureQuality(ports.media, opened.source, withUpgrades(asset, upgrades, made), existing);
    return publish(ports, asset, measured, { rungs: missing, by: job.by });
  });
}

function withUpgrades(
  asset: AssetDocument,
  upgrades: readonly PlannedUpgrade[],
  made: readonly StoredRendition[],
): StoredRendition[] {
  const replaced = new Set(upgrades.map(({ replaces }) => replaces));
  return [...asset.renditions.filter(({ id }) => !replaced.has(id)), ...made];
}

async function publish(
  ports: TranscodePorts,
  before: AssetDocument & { plan: EncodePlan | null },
  renditions: readonly StoredRendition[],
  added: Added,
): Promise<UpgradeOutcome> {
  const now = timestamp(ports);
  const { revision } = await updateAsset(ports, before.id, (current) => ({
    ...nextRevision(current, renditions, now),
    availability: 'upgraded',
    timings: { ...current.timings, upgradedAt: now },
    plan: current.plan && withRungs(current.plan, added, now),
  }));
  assetLog(ports, before.id).info({ revision, renditions: renditions.map(({ id }) => id) }, 'asset is upgraded');
  return { kind: 'upgraded', revision };
}

/** The plan as it came to be: what the asset was drawn for stays, what it has got since is added. */
function withRungs(plan: EncodePlan, { rungs: added, by = plan }: Added, at: string): EncodePlan {
  if (added.length === 0) return plan;
  const byBitrate = new Map([...plan.rungs, ...added].map((rung) => [rung.bitrateKbps, rung]));
  const rungs = [...byBitrate.values()].sort((left, right) => left.bitrateKbps - right.bitrateKbps);
  const { configVersion, allocationVersion } = by;
  return {
    ...plan,
    rungs,
    reason: `${plan.reason} Later: ${added.length} rungs that its audience has come to need, by config ${configVersion}, allocation ${allocationVersion}.`,
    backfills: [...(plan.backfills ?? []), { at, configVersion, allocationVersion, rungs: added }],
  };
}

/** Rungs that were missing, and the policy that missed them. */
type Added = { rungs: EncodePlan['rungs']; by: UpgradeJob['by'] };
