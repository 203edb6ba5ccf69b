import type { AssetStore } from '../../media/asset-store.ts';
import { isUpgradable, proposeUpgrade, rankProposals, type UpgradeProposal } from './propose-upgrade.ts';
import type { UpgradePorts } from './upgrade-ports.ts';

// Lifecycle: `createUpgradeSearch` remembers the config it last saw and how far it has looked since; each `look` takes the most watched
// assets and, while a config is new, the next of the others.

/** What is watched most is looked at every time; the rest is seldom worth more. */
const CONSIDERED = 50;

/** Finds what is worth making again or adding, best first by benefit ÷ cost. */
export function createUpgradeSearch(
  assets: Pick<AssetStore, 'read'>,
  ports: UpgradePorts,
): { look(): Promise<UpgradeProposal[]> } {
  let seenConfig: number | null = null;
  /** Where the walk through what is watched less goes on; null: it is over. */
  let nextOther: number | null = null;

  async function considered(ids: readonly string[]): Promise<string[]> {
    const config = await ports.configVersion();
    if (config !== seenConfig) nextOther = CONSIDERED;
    seenConfig = config;
    const most = ids.slice(0, CONSIDERED);
    if (nextOther === null) return most;
    const others = ids.slice(nextOther, nextOther + CONSIDERED);
    nextOther = nextOther + CONSIDERED < ids.length ? nextOther + CONSIDERED : null;
    return [...most, ...others];
  }

  return {
    async look() {
      const watched = await ports.forecastWatch();
      const can = { av1: await ports.makesAv1() };
      const byTraffic = [...watched].sort(([, a], [, b]) => b.megabytes - a.megabytes).map(([assetId]) => assetId);
      const proposals: UpgradeProposal[] = [];
      for (const assetId of await considered(byTraffic)) {
        const [asset, watch] = [await assets.read(assetId).catch(() => null), watched.get(assetId)];
        if (!asset || watch === undefined || !isUpgradable(asset)) continue;
        const proposal = proposeUpgrade(asset, watch, await ports.planToday(asset), can);
        if (proposal) proposals.push(proposal);
      }
      return rankProposals(proposals);
    },
  };
}
