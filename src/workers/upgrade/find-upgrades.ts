import type { AssetStore } from '../../media/asset-store.ts';
import { isUpgradable, proposeUpgrade, rankProposals, type UpgradeProposal } from './propose-upgrade.ts';
import type { UpgradePorts } from './upgrade-ports.ts';

/** What is watched most is looked at; the rest cannot be worth more. */
const CONSIDERED = 50;

/** What is worth making again or adding, best first: benefit ÷ cost of the most watched assets. */
export async function findUpgrades(assets: Pick<AssetStore, 'read'>, ports: UpgradePorts): Promise<UpgradeProposal[]> {
  const watched = [...(await ports.forecastWatch())].sort(([, a], [, b]) => b.megabytes - a.megabytes);
  const can = { av1: await ports.makesAv1() };
  const proposals: UpgradeProposal[] = [];
  for (const [assetId, watch] of watched.slice(0, CONSIDERED)) {
    const asset = await assets.read(assetId).catch(() => null);
    if (!asset || !isUpgradable(asset)) continue;
    const proposal = proposeUpgrade(asset, watch, await ports.planToday(asset), can);
    if (proposal) proposals.push(proposal);
  }
  return rankProposals(proposals);
}
